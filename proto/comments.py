"""Write the comments of the contract as a table, for the OpenAPI document of the gateway."""  # noqa: INP001 - a script

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

HEAD = '''"""Comments of the contract by full name. Written by `make proto`."""

# ruff: noqa: E501
COMMENTS = {
'''
# Field numbers of descriptor.proto, which a path of SourceCodeInfo is made of.
MESSAGES, ENUMS, FIELDS, NESTED, NESTED_ENUMS, VALUES = 4, 5, 2, 3, 4, 2


def of_enum(
    enum: EnumDescriptorProto, name: str, path: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the full names and paths of an enum and its values."""
    yield name, path
    for index, value in enumerate(enum.value):
        yield f"{name}.{value.name}", (*path, VALUES, index)


def of_message(
    message: DescriptorProto, name: str, path: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the full names and paths of a message and of all that it holds."""
    yield name, path
    for index, field in enumerate(message.field):
        yield f"{name}.{field.name}", (*path, FIELDS, index)
    for index, nested in enumerate(message.nested_type):
        yield from of_message(nested, f"{name}.{nested.name}", (*path, NESTED, index))
    for index, enum in enumerate(message.enum_type):
        yield from of_enum(enum, f"{name}.{enum.name}", (*path, NESTED_ENUMS, index))


def of_file(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the full names and paths of everything in a file."""
    for index, message in enumerate(file.message_type):
        yield from of_message(message, f"{file.package}.{message.name}", (MESSAGES, index))
    for index, enum in enumerate(file.enum_type):
        yield from of_enum(enum, f"{file.package}.{enum.name}", (ENUMS, index))


def main(descriptors: Path, out: Path) -> None:
    """Read a descriptor set with source info and write the table."""
    comments: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
        said = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
        comments |= {name: " ".join(said[path].split()) for name, path in of_file(file)}
    lines = [f"    {name!r}: {text!r},\n" for name, text in sorted(comments.items())]
    out.write_text(HEAD + "".join(lines) + "}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
