"""The one exception of the reader."""


class ReaderError(Exception):
    """Something in the repository, or the target, is not as it must be.

    object_name says where: an object's name in the repository, a path, or a key.
    """

    def __init__(self, object_name: str, problem: str, hint: str = "") -> None:
        super().__init__(f"{object_name}: {problem}")
        self.object_name = object_name
        self.problem = problem
        self.hint = hint


class ObjectMissing(ReaderError):
    """The storage says that the object does not exist, which differs from "could not be read"."""

    def __init__(self, object_name: str) -> None:
        super().__init__(object_name, "is missing")


class WrongKey(ReaderError):
    """The key at hand does not open the object."""
