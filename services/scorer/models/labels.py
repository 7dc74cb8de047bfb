"""The classes that an ONNX file names, read from its bytes: the scorer's image has no onnx library.

Classifiers and ZipMap of ai.onnx.ml name them in the attributes classlabels_strings, classlabels_int64s and
classlabels_ints, in the order of the columns (ONNX-ML operators). onnx.proto encodes an AttributeProto's name (field 1)
right before its `ints` (field 8) or `strings` (field 9), each with a tag of its own.
"""

import re

Label = int | str

TEXTS = re.compile(rb"\n\x13classlabels_strings(?=J)")
NUMBERS = re.compile(rb"\n(?:\x12classlabels_int64s|\x10classlabels_ints)((?:@[\x80-\xff]{0,9}[\x00-\x7f])+)")
NUMBER = re.compile(rb"@([\x80-\xff]{0,9}[\x00-\x7f])")


def class_labels(content: bytes, count: int | None) -> tuple[Label, ...]:
    """Return the classes in the order of an output's columns; () if the file names none.

    Args:
        content: of the ONNX file.
        count: of the classes; None if not known. Of several lists the last counts: nodes are in the order of their use.
    """
    found: dict[int, tuple[Label, ...]] = {
        match.start(): _texts(content, match.end()) for match in TEXTS.finditer(content)
    }
    found |= {match.start(): tuple(map(_number, NUMBER.findall(match[1]))) for match in NUMBERS.finditer(content)}
    fitting = [labels for _, labels in sorted(found.items()) if count in {None, len(labels)}]
    return fitting[-1] if fitting else ()


def _texts(content: bytes, at: int) -> tuple[str, ...]:
    labels = []
    while content[at : at + 1] == b"J" and (size := content[at + 1]) < 0x80:  # longer ones are no names of classes
        labels.append(content[at + 2 : at + 2 + size].decode(errors="replace"))
        at += 2 + size
    return tuple(labels)


def _number(varint: bytes) -> int:
    """Decode a varint of int64: seven bits a byte, lowest first, in two's complement (Protocol Buffers, Encoding)."""
    value = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(varint))
    return value - 2**64 if value >= 2**63 else value
