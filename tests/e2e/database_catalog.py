"""The catalog of a database in words: every object by its name, and what is to be known of it
without OIDs, so that databases of different servers can be compared.

Each kind of object is one query, whose rows are (kind, name, properties). With search_path empty
the server itself writes every name in full.
"""

from dataclasses import dataclass, field

# initdb's own objects have smaller OIDs (FirstNormalObjectId in access/transam.h).
FIRST_USER_OID = 16384
EXTENSION_OF = "of the extension"


@dataclass(frozen=True)
class Kind:
    """`properties` are SQL expressions over `source`; `since` adds those of newer servers."""

    name: str  # an SQL expression, too
    identity: str
    source: str
    properties: dict
    since: dict = field(default_factory=dict)
    first_major: int = 0
    superuser_only: bool = False

    def query(self, major):
        properties = dict(self.properties)
        for first, more in self.since.items():
            if major >= first:
                properties.update(more)
        pairs = ", ".join("'{}', {}".format(name.replace("'", "''"), value)
                          for name, value in properties.items())
        return (f"SELECT {self.name}, {self.identity}, jsonb_build_object({pairs}) "
                f"FROM {self.source}")


def identity(catalog, oid, subobject="0"):
    return f"(pg_identify_object('pg_catalog.{catalog}'::regclass, {oid}, {subobject})).identity"


def kind_and_identity(catalog_oid, oid, subobject):
    return (f"(SELECT i.type || ' ' || i.identity "
            f"FROM pg_identify_object({catalog_oid}, {oid}, {subobject}) i)")


def role(oid):
    return f"CASE {oid} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid({oid})) END"


def sorted_array(select):
    """`select` gives one column of text, named item."""
    return f'ARRAY(SELECT item FROM ({select}) items ORDER BY item COLLATE "C")'


def granted(acl, grantor=False):
    """What an ACL gives to whom, sorted, for grants made in another order are the same grants."""
    by = f" || ' by ' || {role('a.grantor')}" if grantor else ""
    return sorted_array(
        f"SELECT {role('a.grantee')} || ': ' || a.privilege_type || "
        f"CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END{by} AS item "
        f"FROM aclexplode({acl}) a")


def privileges(acl, object_type, owner):
    """No ACL at all means the defaults, and a GRANT that changes nothing writes them out."""
    whole = f"coalesce({acl}, acldefault('{object_type}', {owner}))"
    return {"privileges": granted(whole), "privileges and grantors": granted(whole, grantor=True)}


def procedure(oid):
    return f"nullif({oid}::oid, 0)::regprocedure::text"


def options(array):
    return f'ARRAY(SELECT item FROM unnest({array}) item ORDER BY item COLLATE "C")'


def addressed(name, catalog, oid, source, properties, since=None, named=None, first_major=0):
    """A kind whose objects the server itself can name."""
    # Its aliases are not those of any source.
    extension = (f"(SELECT ext.extname FROM pg_catalog.pg_depend dep JOIN pg_catalog.pg_extension "
                 f"ext ON ext.oid = dep.refobjid WHERE dep.objid = {oid} AND dep.objsubid = 0 "
                 f"AND dep.classid = 'pg_catalog.{catalog}'::regclass AND dep.deptype = 'e' "
                 f"AND dep.refclassid = 'pg_catalog.pg_extension'::regclass)")
    return Kind(name, named or identity(catalog, oid), source,
                {**properties, EXTENSION_OF: extension}, since or {}, first_major)


def user_objects(catalog, alias, more="true"):
    return f"pg_catalog.{catalog} {alias} WHERE {alias}.oid >= {FIRST_USER_OID} AND {more}"


RELATION_KINDS = """CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
    WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
    WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type' END"""

PARENTS = """ARRAY(SELECT h.inhparent::regclass::text FROM pg_catalog.pg_inherits h
    WHERE h.inhrelid = c.oid ORDER BY h.inhseqno)"""

RELATION = addressed(
    RELATION_KINDS, "pg_class", "c.oid",
    # Temporary tables are of a session, not of the database.
    user_objects("pg_class", "c", "c.relkind IN ('r','p','v','m','f','S') "
                                  "AND c.relpersistence <> 't'"),
    {
        "owner": role("c.relowner"),
        "persistence": "c.relpersistence",
        "options": options("c.reloptions"),
        "options of its TOAST table": options(
            "(SELECT t.reloptions FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid)"),
        "access method": "(SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = c.relam)",
        "tablespace": "(SELECT s.spcname FROM pg_catalog.pg_tablespace s "
                      "WHERE s.oid = c.reltablespace)",
        "row security": "c.relrowsecurity",
        "row security for the owner": "c.relforcerowsecurity",
        "replica identity": "c.relreplident",
        "of type": "nullif(c.reloftype, 0)::regtype::text",
        "populated": "c.relispopulated",
        "parents": PARENTS,
        "partition key": "pg_get_partkeydef(c.oid)",
        "partition bound": "pg_get_expr(c.relpartbound, c.oid)",
        "query": "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END",
        "foreign server": "(SELECT s.srvname FROM pg_catalog.pg_foreign_table f JOIN "
                          "pg_catalog.pg_foreign_server s ON s.oid = f.ftserver "
                          "WHERE f.ftrelid = c.oid)",
        "foreign options": options("(SELECT f.ftoptions FROM pg_catalog.pg_foreign_table f "
                                   "WHERE f.ftrelid = c.oid)"),
        "privileges": "CASE WHEN c.relkind = 'S' THEN "
                      + granted("coalesce(c.relacl, acldefault('s', c.relowner))") + " ELSE "
                      + granted("coalesce(c.relacl, acldefault('r', c.relowner))") + " END",
        "privileges and grantors":
            "CASE WHEN c.relkind = 'S' THEN "
            + granted("coalesce(c.relacl, acldefault('s', c.relowner))", grantor=True) + " ELSE "
            + granted("coalesce(c.relacl, acldefault('r', c.relowner))", grantor=True) + " END",
    },
    since={14: {"parents being detached": "ARRAY(SELECT h.inhparent::regclass::text FROM "
                                          "pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid "
                                          "AND h.inhdetachpending)"}})

COLUMN = Kind(
    "'column'", "a.identity || '.' || quote_ident(a.attname)",
    f"""(SELECT a.*, {identity('pg_class', 'c.oid')} AS identity, d.adbin,
            row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS place
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.oid >= {FIRST_USER_OID} AND c.relkind IN ('r','p','v','m','f','c')
           AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped) a""",
    {
        "place": "a.place",
        "type": "format_type(a.atttypid, a.atttypmod)",
        "not null": "a.attnotnull",
        "default": "pg_get_expr(a.adbin, a.attrelid)",
        "identity": "a.attidentity",
        "generated": "a.attgenerated",
        "storage": "a.attstorage",
        "statistics target": "coalesce(a.attstattarget, -1)",
        "options": options("a.attoptions"),
        "foreign options": options("a.attfdwoptions"),
        "collation": "nullif(a.attcollation, 0)::regcollation::text",
        "local": "a.attislocal",
        "inherited": "a.attinhcount",
        "privileges": granted("a.attacl"),
        "privileges and grantors": granted("a.attacl", grantor=True),
    },
    since={14: {"compression": "a.attcompression"}})

INDEX = addressed(
    "'index'", "pg_class", "c.oid",
    "pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid JOIN "
    f"pg_catalog.pg_class t ON t.oid = i.indrelid WHERE c.oid >= {FIRST_USER_OID} "
    "AND t.relkind <> 't' AND c.relpersistence <> 't'",
    {
        "definition": "pg_get_indexdef(c.oid)",
        "valid": "i.indisvalid",
        "marked for CLUSTER": "i.indisclustered",
        "replica identity": "i.indisreplident",
        "immediate": "i.indimmediate",
        "parents": PARENTS,
        "tablespace": "(SELECT s.spcname FROM pg_catalog.pg_tablespace s "
                      "WHERE s.oid = c.reltablespace)",
        "statistics targets": "ARRAY(SELECT coalesce(a.attstattarget, -1) FROM "
                              "pg_catalog.pg_attribute a WHERE a.attrelid = c.oid "
                              "ORDER BY a.attnum)",
    })

# Dropping or disabling the triggers of a foreign key leaves the constraint as it is, and dead.
CONSTRAINT_TRIGGERS = sorted_array(
    "SELECT t.tgrelid::regclass::text || ' ' || t.tgfoid::regproc::text || ' ' || "
    "t.tgenabled::text AS item FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = c.oid "
    "AND t.tgisinternal")

CONSTRAINT = addressed(
    "'constraint'", "pg_constraint", "c.oid",
    # The rows of constraint triggers say nothing that the triggers do not. A foreign key to a
    # partitioned table has one more for each partition, named by the server.
    user_objects("pg_constraint", "c", "c.contype <> 't' AND NOT EXISTS (SELECT FROM "
                 "pg_catalog.pg_constraint p WHERE p.oid = c.conparentid AND c.contype = 'f' "
                 "AND p.conrelid = c.conrelid)"),
    {
        "definition": "pg_get_constraintdef(c.oid)",
        "type": "c.contype",
        "validated": "c.convalidated",
        "deferrable": "c.condeferrable",
        "deferred": "c.condeferred",
        "local": "c.conislocal",
        "inherited": "c.coninhcount",
        # Of keys, whose indexes say it, ATTACH PARTITION leaves it as it was.
        "not inherited by children": "c.connoinherit AND c.contype IN ('c', 'n')",
        "triggers": CONSTRAINT_TRIGGERS,
        "referenced partitions": sorted_array(
            "SELECT p.confrelid::regclass::text AS item FROM pg_catalog.pg_constraint p "
            "WHERE p.conparentid = c.oid AND p.contype = 'f' AND p.conrelid = c.conrelid"),
        "index": "nullif(c.conindid, 0)::regclass::text",
        "of a partitioned table's constraint": "c.conparentid <> 0",
    },
    since={18: {"enforced": "c.conenforced"}})

TRIGGER = addressed(
    "'trigger'", "pg_trigger", "t.oid",
    # Those of partitions count as internal before 15.
    user_objects("pg_trigger", "t",
                 "(NOT t.tgisinternal OR t.tgparentid <> 0 AND t.tgconstraint = 0)"),
    {"definition": "pg_get_triggerdef(t.oid)", "enabled": "t.tgenabled",
     "of a partitioned table's trigger": "t.tgparentid <> 0"})

RULE = addressed(
    "'rule'", "pg_rewrite", "r.oid", user_objects("pg_rewrite", "r"),
    # That of a view is its query, which stands at the view.
    {"definition": "CASE WHEN r.rulename <> '_RETURN' THEN pg_get_ruledef(r.oid) END",
     "enabled": "r.ev_enabled"})

POLICY = addressed(
    "'policy'", "pg_policy", "p.oid", user_objects("pg_policy", "p"),
    {
        "command": "p.polcmd",
        "permissive": "p.polpermissive",
        "roles": sorted_array(f"SELECT {role('r')} AS item FROM unnest(p.polroles) r"),
        "using": "pg_get_expr(p.polqual, p.polrelid)",
        "check": "pg_get_expr(p.polwithcheck, p.polrelid)",
    })

FUNCTION = addressed(
    "CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END",
    "pg_proc", "p.oid",
    "pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid "
    f"WHERE p.oid >= {FIRST_USER_OID}",
    {
        "owner": role("p.proowner"),
        **privileges("p.proacl", "f", "p.proowner"),
        "definition": "CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END",
        "arguments": "pg_get_function_arguments(p.oid)",
        "result": "pg_get_function_result(p.oid)",
        "parallel": "p.proparallel",
        "support": procedure("p.prosupport"),
        "transforms": "ARRAY(SELECT format_type(t, NULL) FROM unnest(p.protrftypes) t)",
        "kind of aggregate": "a.aggkind",
        "direct arguments": "a.aggnumdirectargs",
        "transition": procedure("a.aggtransfn"),
        "final": procedure("a.aggfinalfn"),
        "combine": procedure("a.aggcombinefn"),
        "serialize": procedure("a.aggserialfn"),
        "deserialize": procedure("a.aggdeserialfn"),
        "moving transition": procedure("a.aggmtransfn"),
        "moving inverse": procedure("a.aggminvtransfn"),
        "moving final": procedure("a.aggmfinalfn"),
        "final extra": "a.aggfinalextra",
        "final modifies": "a.aggfinalmodify",
        "sort operator": "nullif(a.aggsortop, 0)::regoperator::text",
        "state": "format_type(nullif(a.aggtranstype, 0), NULL)",
        "state size": "a.aggtransspace",
        "initial": "a.agginitval",
    })

TYPE = addressed(
    "CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range' "
    "WHEN 'm' THEN 'multirange' WHEN 'c' THEN 'composite type' ELSE 'type' END",
    "pg_type", "t.oid",
    # Not the array types, which go with their element's, and not the row types of tables.
    "pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid "
    f"WHERE t.oid >= {FIRST_USER_OID} "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) "
    "AND (t.typtype <> 'c' OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c "
    "WHERE c.oid = t.typrelid))",
    {
        "owner": role("t.typowner"),
        **privileges("t.typacl", "T", "t.typowner"),
        "defined": "t.typisdefined",
        "category": "t.typcategory",
        "preferred": "t.typispreferred",
        "delimiter": "t.typdelim",
        "length": "t.typlen",
        "by value": "t.typbyval",
        "alignment": "t.typalign",
        "storage": "t.typstorage",
        "input": procedure("t.typinput"),
        "output": procedure("t.typoutput"),
        "receive": procedure("t.typreceive"),
        "send": procedure("t.typsend"),
        "modifier input": procedure("t.typmodin"),
        "modifier output": procedure("t.typmodout"),
        "analyze": procedure("t.typanalyze"),
        "element": "format_type(nullif(t.typelem, 0), NULL)",
        "not null": "t.typnotnull",
        "default": "t.typdefault",
        "base": "format_type(nullif(t.typbasetype, 0), t.typtypmod)",
        "collation": "nullif(t.typcollation, 0)::regcollation::text",
        "labels": "ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid "
                  "ORDER BY e.enumsortorder)",
        "subtype": "format_type(nullif(r.rngsubtype, 0), NULL)",
        "subtype's collation": "nullif(r.rngcollation, 0)::regcollation::text",
        "subtype's operator class": identity("pg_opclass", "r.rngsubopc"),
        "canonical": procedure("r.rngcanonical"),
        "difference": procedure("r.rngsubdiff"),
    },
    since={14: {"subscript": procedure("t.typsubscript"),
                "multirange": "format_type(nullif(r.rngmultitypid, 0), NULL)"}})

OPERATOR = addressed(
    "'operator'", "pg_operator", "o.oid", user_objects("pg_operator", "o"),
    {
        "owner": role("o.oprowner"),
        "function": procedure("o.oprcode"),
        "commutator": "nullif(o.oprcom, 0)::regoperator::text",
        "negator": "nullif(o.oprnegate, 0)::regoperator::text",
        "restrict": procedure("o.oprrest"),
        "join": procedure("o.oprjoin"),
        "merges": "o.oprcanmerge",
        "hashes": "o.oprcanhash",
    })

OPERATOR_CLASS = addressed(
    "'operator class'", "pg_opclass", "o.oid", user_objects("pg_opclass", "o"),
    {
        "owner": role("o.opcowner"),
        "family": identity("pg_opfamily", "o.opcfamily"),
        "type": "format_type(o.opcintype, NULL)",
        "default": "o.opcdefault",
        "storage": "format_type(nullif(o.opckeytype, 0), NULL)",
    })

FAMILY_OPERATORS = sorted_array(
    "SELECT concat_ws(' ', o.amopstrategy, o.amoppurpose, o.amopopr::regoperator, "
    + identity("pg_opfamily", "nullif(o.amopsortfamily, 0)")
    + ") AS item FROM pg_catalog.pg_amop o WHERE o.amopfamily = f.oid")
FAMILY_FUNCTIONS = sorted_array(
    "SELECT concat_ws(' ', p.amprocnum, format_type(p.amproclefttype, NULL), "
    "format_type(p.amprocrighttype, NULL), p.amproc::regprocedure) AS item "
    "FROM pg_catalog.pg_amproc p WHERE p.amprocfamily = f.oid")

OPERATOR_FAMILY = addressed(
    "'operator family'", "pg_opfamily", "f.oid",
    # One of initdb's may have been extended.
    f"pg_catalog.pg_opfamily f WHERE f.oid >= {FIRST_USER_OID} OR EXISTS (SELECT FROM "
    f"pg_catalog.pg_amop o WHERE o.amopfamily = f.oid AND o.oid >= {FIRST_USER_OID})",
    {"owner": role("f.opfowner"), "operators": FAMILY_OPERATORS, "functions": FAMILY_FUNCTIONS})

ACCESS_METHOD = addressed(
    "'access method'", "pg_am", "a.oid", user_objects("pg_am", "a"),
    {"type": "a.amtype", "handler": procedure("a.amhandler")})

CAST = addressed(
    "'cast'", "pg_cast", "c.oid", user_objects("pg_cast", "c"),
    {"function": procedure("c.castfunc"), "context": "c.castcontext",
     "method": "c.castmethod"},
    named="format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL))")

CONVERSION = addressed(
    "'conversion'", "pg_conversion", "c.oid", user_objects("pg_conversion", "c"),
    {
        "owner": role("c.conowner"),
        "from": "pg_encoding_to_char(c.conforencoding)",
        "to": "pg_encoding_to_char(c.contoencoding)",
        "function": procedure("c.conproc"),
        "default": "c.condefault",
    })

TRANSFORM = addressed(
    "'transform'", "pg_transform", "t.oid", user_objects("pg_transform", "t"),
    {"from SQL": procedure("t.trffromsql"), "to SQL": procedure("t.trftosql")},
    named="format('for %s language %I', format_type(t.trftype, NULL), "
          "(SELECT l.lanname FROM pg_catalog.pg_language l WHERE l.oid = t.trflang))")

LANGUAGE = addressed(
    "'language'", "pg_language", "l.oid", user_objects("pg_language", "l"),
    {
        "owner": role("l.lanowner"),
        **privileges("l.lanacl", "l", "l.lanowner"),
        "trusted": "l.lanpltrusted",
        "handler": procedure("l.lanplcallfoid"),
        "inline": procedure("l.laninline"),
        "validator": procedure("l.lanvalidator"),
    })

SEARCH_PARSER = addressed(
    "'text search parser'", "pg_ts_parser", "p.oid", user_objects("pg_ts_parser", "p"),
    {"functions": "ARRAY[p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype]::text[]"})

SEARCH_TEMPLATE = addressed(
    "'text search template'", "pg_ts_template", "t.oid",
    user_objects("pg_ts_template", "t"), {"functions": "ARRAY[t.tmplinit, t.tmpllexize]::text[]"})

SEARCH_DICTIONARY = addressed(
    "'text search dictionary'", "pg_ts_dict", "d.oid", user_objects("pg_ts_dict", "d"),
    {"owner": role("d.dictowner"), "template": identity("pg_ts_template", "d.dicttemplate"),
     "options": "d.dictinitoption"})

SEARCH_MAPPINGS = (
    "ARRAY(SELECT concat_ws(' ', (SELECT t.alias FROM ts_token_type(c.cfgparser) t "
    "WHERE t.tokid = m.maptokentype), m.mapdict::regdictionary) FROM pg_catalog.pg_ts_config_map m "
    "WHERE m.mapcfg = c.oid ORDER BY m.maptokentype, m.mapseqno)")

SEARCH_CONFIGURATION = addressed(
    "'text search configuration'", "pg_ts_config", "c.oid",
    user_objects("pg_ts_config", "c"),
    {"owner": role("c.cfgowner"), "parser": identity("pg_ts_parser", "c.cfgparser"),
     "mappings": SEARCH_MAPPINGS})

# The version of a collation is that of the library below the server, not of the database.
COLLATION = addressed(
    "'collation'", "pg_collation", "c.oid", user_objects("pg_collation", "c"),
    {
        "owner": role("c.collowner"),
        "provider": "c.collprovider",
        "deterministic": "c.collisdeterministic",
        "collate": "CASE c.collprovider WHEN 'c' THEN c.collcollate END",
        "ctype": "CASE c.collprovider WHEN 'c' THEN c.collctype END",
        "locale": "CASE c.collprovider WHEN 'i' THEN c.collcollate END",
    },
    since={15: {"locale": "c.colliculocale"},
           16: {"rules": "c.collicurules"},
           17: {"locale": "c.colllocale"}})

STATISTICS = addressed(
    "'statistics'", "pg_statistic_ext", "s.oid", user_objects("pg_statistic_ext", "s"),
    {"owner": role("s.stxowner"), "definition": "pg_get_statisticsobjdef(s.oid)",
     "target": "coalesce(s.stxstattarget, -1)"})

SCHEMA = addressed(
    "'schema'", "pg_namespace", "n.oid",
    f"pg_catalog.pg_namespace n WHERE (n.oid >= {FIRST_USER_OID} OR n.nspname = 'public') "
    "AND n.nspname !~ '^pg_(toast_)?temp_'",
    {"owner": role("n.nspowner"), **privileges("n.nspacl", "n", "n.nspowner")})

SEQUENCE = addressed(
    "'parameters of sequence'", "pg_class", "s.seqrelid",
    "pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid "
    "WHERE c.relpersistence <> 't'",
    {
        "type": "format_type(s.seqtypid, NULL)",
        "start": "s.seqstart",
        "increment": "s.seqincrement",
        "maximum": "s.seqmax",
        "minimum": "s.seqmin",
        "cache": "s.seqcache",
        "cycle": "s.seqcycle",
        "owned by": "(SELECT " + identity("pg_class", "d.refobjid", "d.refobjsubid")
                    + " || ' ' || d.deptype::text FROM pg_catalog.pg_depend d "
                    "WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid "
                    "AND d.refclassid = 'pg_catalog.pg_class'::regclass "
                    "AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))",
    })

FOREIGN_WRAPPER = addressed(
    "'foreign-data wrapper'", "pg_foreign_data_wrapper", "w.oid",
    user_objects("pg_foreign_data_wrapper", "w"),
    {
        "owner": role("w.fdwowner"),
        **privileges("w.fdwacl", "F", "w.fdwowner"),
        "handler": procedure("w.fdwhandler"),
        "validator": procedure("w.fdwvalidator"),
        "options": options("w.fdwoptions"),
    })

FOREIGN_SERVER = addressed(
    "'foreign server'", "pg_foreign_server", "s.oid",
    user_objects("pg_foreign_server", "s"),
    {
        "owner": role("s.srvowner"),
        **privileges("s.srvacl", "S", "s.srvowner"),
        "wrapper": identity("pg_foreign_data_wrapper", "s.srvfdw"),
        "type": "s.srvtype",
        "version": "s.srvversion",
        "options": options("s.srvoptions"),
    })

# The view shows the options to those who may see them only; pg_user_mapping to superusers.
USER_MAPPING = Kind(
    "'user mapping'", f"{role('m.umuser')} || ' on ' || quote_ident(m.srvname)",
    "pg_catalog.pg_user_mappings m", {"options": options("m.umoptions")})

EVENT_TRIGGER = addressed(
    "'event trigger'", "pg_event_trigger", "t.oid",
    user_objects("pg_event_trigger", "t"),
    {
        "owner": role("t.evtowner"),
        "event": "t.evtevent",
        "function": procedure("t.evtfoid"),
        "enabled": "t.evtenabled",
        "tags": options("t.evttags"),
    })

PUBLICATION = addressed(
    "'publication'", "pg_publication", "p.oid", user_objects("pg_publication", "p"),
    {
        "owner": role("p.pubowner"),
        "all tables": "p.puballtables",
        "publishes": "ARRAY[p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate]",
        "by the root": "p.pubviaroot",
    },
    since={18: {"generated columns": "p.pubgencols"}})

PUBLISHED_TABLE = addressed(
    "'published table'", "pg_publication_rel", "r.oid",
    user_objects("pg_publication_rel", "r"),
    {"publication": identity("pg_publication", "r.prpubid")},
    since={15: {
        "rows": "pg_get_expr(r.prqual, r.prrelid)",
        "columns": "ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a "
                   "WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs) "
                   "ORDER BY a.attnum)",
    }})

PUBLISHED_SCHEMA = addressed(
    "'published schema'", "pg_publication_namespace", "s.oid",
    user_objects("pg_publication_namespace", "s"),
    {"publication": identity("pg_publication", "s.pnpubid")}, first_major=15)

SUBSCRIPTION = Kind(
    "'subscription'", "quote_ident(s.subname)",
    "pg_catalog.pg_subscription s WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d "
    "WHERE d.datname = current_database())",
    {
        "owner": role("s.subowner"),
        "enabled": "s.subenabled",
        "connection": "s.subconninfo",
        "slot": "s.subslotname",
        "synchronous commit": "s.subsynccommit",
        "publications": options("s.subpublications"),
    },
    since={14: {"binary": "s.subbinary", "streaming": "s.substream::text"},
           15: {"two-phase": "s.subtwophasestate", "disable on error": "s.subdisableonerr"},
           16: {"password required": "s.subpasswordrequired", "run as owner": "s.subrunasowner",
                "origin": "s.suborigin"},
           17: {"failover": "s.subfailover"}},
    superuser_only=True)

EXTENSION = addressed(
    "'extension'", "pg_extension", "e.oid", "pg_catalog.pg_extension e",
    {
        "owner": role("e.extowner"),
        "version": "e.extversion",
        "schema": "e.extnamespace::regnamespace::text",
        "relocatable": "e.extrelocatable",
        "configuration tables": "ARRAY(SELECT c::regclass::text FROM unnest(e.extconfig) c)",
        "their conditions": "e.extcondition",
    })

# Not its member, but dropped with it.
EXTENSION_DEPENDENT = Kind(
    "'dependent on an extension'", kind_and_identity("d.classid", "d.objid", "d.objsubid"),
    "pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass "
    "AND d.deptype = 'x'",
    {"extension": identity("pg_extension", "d.refobjid")})

DEFAULT_PRIVILEGES = addressed(
    "'default privileges'", "pg_default_acl", "d.oid",
    user_objects("pg_default_acl", "d"), {"privileges": granted("d.defaclacl")})

LARGE_OBJECT = Kind(
    "'large object'", "l.oid::text", "pg_catalog.pg_largeobject_metadata l",
    {"owner": role("l.lomowner"), **privileges("l.lomacl", "L", "l.lomowner")})

COMMENT = Kind(
    "'comment on'", kind_and_identity("d.classoid", "d.objoid", "d.objsubid"),
    f"pg_catalog.pg_description d WHERE d.objoid >= {FIRST_USER_OID} "
    "OR (d.classoid = 'pg_catalog.pg_namespace'::regclass "
    "AND d.objoid = to_regnamespace('public'))",
    {"text": "d.description"})

SECURITY_LABEL = Kind(
    "'security label'",
    kind_and_identity("s.classoid", "s.objoid", "s.objsubid") + " || ' by ' || s.provider",
    "pg_catalog.pg_seclabel s", {"label": "s.label"})

# Rights on the server's own functions, views and languages, where they are no longer initdb's.
SYSTEM_PRIVILEGES = Kind(
    "'privileges of the system''s'", kind_and_identity("o.catalog", "o.oid", "o.part"),
    f"""(SELECT 'pg_catalog.pg_class'::regclass AS catalog, oid, 0 AS part, relacl AS acl,
                NULL::aclitem[] AS without
           FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
         UNION ALL SELECT 'pg_catalog.pg_class'::regclass, attrelid, attnum, attacl, NULL
           FROM pg_catalog.pg_attribute WHERE attnum > 0 AND attacl IS NOT NULL
         UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, oid, 0, proacl, acldefault('f', proowner)
           FROM pg_catalog.pg_proc
         UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid, 0, typacl, acldefault('T', typowner)
           FROM pg_catalog.pg_type
         UNION ALL SELECT 'pg_catalog.pg_language'::regclass, oid, 0, lanacl,
                          acldefault('l', lanowner) FROM pg_catalog.pg_language
         UNION ALL SELECT 'pg_catalog.pg_namespace'::regclass, oid, 0, nspacl, NULL
           FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog') o
        LEFT JOIN pg_catalog.pg_init_privs i
          ON i.classoid = o.catalog AND i.objoid = o.oid AND i.objsubid = o.part
        WHERE o.oid < {FIRST_USER_OID} AND o.acl::text IS DISTINCT FROM i.initprivs::text
          AND {granted('coalesce(o.acl, o.without)')}
              <> {granted('coalesce(i.initprivs, o.without)')}""",
    {"privileges": granted("coalesce(o.acl, o.without)")})

DATABASE = Kind(
    "'database'", "'itself'",
    "pg_catalog.pg_database d WHERE d.datname = current_database()",
    {
        "owner": role("d.datdba"),
        **privileges("d.datacl", "d", "d.datdba"),
        "encoding": "pg_encoding_to_char(d.encoding)",
        "collate": "d.datcollate",
        "ctype": "d.datctype",
        "connection limit": "d.datconnlimit",
        "comment": "shobj_description(d.oid, 'pg_database')",
    },
    since={15: {"provider": "d.datlocprovider", "locale": "d.daticulocale"},
           16: {"rules": "d.daticurules"},
           17: {"locale": "d.datlocale"}})

# The server's own roles begin with pg_, and nobody else's may.
ROLE = Kind(
    "'role'", "quote_ident(r.rolname)", "pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_'",
    {
        "superuser": "r.rolsuper",
        "inherits": "r.rolinherit",
        "creates roles": "r.rolcreaterole",
        "creates databases": "r.rolcreatedb",
        "logs in": "r.rolcanlogin",
        "replicates": "r.rolreplication",
        "bypasses row security": "r.rolbypassrls",
        "connection limit": "r.rolconnlimit",
        "valid until": "r.rolvaliduntil",
        "comment": "shobj_description(r.oid, 'pg_authid')",
    })

PASSWORD = Kind(
    "'password'", "quote_ident(a.rolname)", "pg_catalog.pg_authid a WHERE a.rolname !~ '^pg_'",
    {"verifier": "a.rolpassword"}, superuser_only=True)

MEMBERSHIP = Kind(
    "'membership'", f"{role('m.member')} || ' in ' || {role('m.roleid')}",
    "pg_catalog.pg_auth_members m WHERE pg_get_userbyid(m.member) !~ '^pg_'",
    {"admin": "m.admin_option", "grantor": role("m.grantor")},
    since={16: {"inherit": "m.inherit_option", "set": "m.set_option"}})

SETTING = Kind(
    "'settings'",
    "CASE s.setrole WHEN 0 THEN 'of everybody' ELSE 'of ' || " + role("s.setrole") + " END || "
    "CASE s.setdatabase WHEN 0 THEN ' in every database' ELSE ' in this database' END",
    "pg_catalog.pg_db_role_setting s WHERE s.setdatabase IN (0, (SELECT d.oid FROM "
    "pg_catalog.pg_database d WHERE d.datname = current_database()))",
    {"values": options("s.setconfig")})

KINDS = (
    SCHEMA, RELATION, COLUMN, INDEX, CONSTRAINT, TRIGGER, RULE, POLICY, FUNCTION, TYPE, OPERATOR,
    OPERATOR_CLASS, OPERATOR_FAMILY, ACCESS_METHOD, CAST, CONVERSION, TRANSFORM, LANGUAGE,
    SEARCH_PARSER, SEARCH_TEMPLATE, SEARCH_DICTIONARY, SEARCH_CONFIGURATION, COLLATION, STATISTICS,
    SEQUENCE, FOREIGN_WRAPPER, FOREIGN_SERVER, USER_MAPPING, EVENT_TRIGGER, PUBLICATION,
    PUBLISHED_TABLE, PUBLISHED_SCHEMA, SUBSCRIPTION, EXTENSION, EXTENSION_DEPENDENT,
    DEFAULT_PRIVILEGES, LARGE_OBJECT, COMMENT, SECURITY_LABEL, SYSTEM_PRIVILEGES, DATABASE, ROLE,
    PASSWORD, MEMBERSHIP, SETTING,
)
