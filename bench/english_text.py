"""Rows of the kind that applications keep, made from a seed: a UUID, English-like text, JSON.

Words come as often as in English (the n-th most frequent word about 1/n of the time), so that a
compressor finds about as much to do as in prose.
"""

import itertools
import json
import random
import uuid

FREQUENT = """the of and to a in is that for it as was with be by on not he his but at are this have
from or had an they which one you were her all she there would their we him been has when who will
more no if out so said what up its about into than them can only other new some could time these two
may then do first any my now such like our over man me even most made after also did many before must
through years where much your way well down should because each just those people how too little state
good very make world still own see men work long get here between both life being under never day same
another know while last might us great old year off come since against go came right used take three
""".split()
STEMS = """account address answer balance barrel bottle branch bridge button candle captain carpet castle
centre chance charge cheese circle cloud coffee colour column corner cotton course court cover cross
crowd custom danger delay deliver demand desk detail device dinner doctor dollar driver engine entry
error event factor farm father field figure finger flight floor flower forest frame friend garden glass
guest handle harbour heart history holiday horse hospital hour house insure island journey kitchen ladder
language lawyer leather ledger letter light limit listing machine manner market matter measure member
message method middle mirror moment money morning mountain neighbour night number object offer office
order owner package paper parcel parent pattern payment pencil people pepper person picture plane plant
player pocket point police pound power present price problem produce profit promise question quarter
railway reason receipt record refund region remark rent repair report request return river road sailor
sample school season second section seller sentence server service shadow ship shoulder signal silver
sister soldier sound spring square station storm story street student subject summer supply surface
system table teacher ticket tower track trade traffic train travel treat trouble tunnel uncle update
valley value vessel village visit voice wagon wait wall water weather week weight wheel window winter
wonder wood writer yard""".split()
ENDINGS = ("", "s", "ed", "ing", "er", "ly", "less", "ment")
STATUSES = ("new", "paid", "packed", "shipped", "delivered", "returned", "cancelled")

WORDS_PER_ROW = 45
ROWS_PER_BATCH = 2000


def vocabulary(rng):
    rare = ["".join(parts) for parts in itertools.product(STEMS, ENDINGS)]
    rng.shuffle(rare)
    return FREQUENT + rare


def row_lines(row_count, seed):
    """Yields batches of lines for COPY (text format): id, body, details."""
    rng = random.Random(seed)
    words = vocabulary(rng)
    shares = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))
    for first in range(0, row_count, ROWS_PER_BATCH):
        count = min(ROWS_PER_BATCH, row_count - first)
        drawn = rng.choices(words, cum_weights=shares, k=count * WORDS_PER_ROW)
        lines = []
        for row in range(count):
            of_row = drawn[row * WORDS_PER_ROW:(row + 1) * WORDS_PER_ROW]
            lines.append(f"{uuid.UUID(int=rng.getrandbits(128), version=4)}\t"
                         f"{' '.join(of_row).capitalize()}.\t{details(rng, of_row)}\n")
        yield "".join(lines)


def details(rng, words):
    return json.dumps({
        "status": rng.choice(STATUSES),
        "customer": rng.randrange(10_000_000),
        "amount": rng.randrange(1_000_000) / 100,
        "placed_at": 1_600_000_000 + rng.randrange(100_000_000),
        "token": f"{rng.getrandbits(128):032x}",
        "tags": words[:3],
        "lines": [{"sku": f"{rng.randrange(1 << 40):010X}", "count": rng.randrange(1, 9)}
                  for _ in range(2)],
    })
