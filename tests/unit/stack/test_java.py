"""What a JVM reads, written as it reads it."""

from stack.java import to_argument_file, to_properties


def test_a_property_is_written_in_latin_letters_and_escapes() -> None:
    """As the specification of java.util.Properties has it; a pair of units for what is beyond the first 65,536."""
    assert to_properties({"log.dirs": "/srv/проба", "a b": " c\\d 😀"}) == (
        b"log.dirs=/srv/\\u043f\\u0440\\u043e\\u0431\\u0430\na\\ b=\\ c\\\\d \\ud83d\\ude00\n"
    )


def test_an_argument_is_written_in_quotes() -> None:
    """A blank, a hash or a quote would end it, or begin a comment."""
    assert to_argument_file(['-Dx=a b#"c\\d', "имя"]) == '"-Dx=a b#\\"c\\\\d"\n"имя"\n'.encode()
