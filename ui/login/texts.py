"""Texts of the login, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.login.users import Role

MESSAGE = (
    "<span lang='ru'>Проверка транзакций на мошенничество. После нескольких ошибок подряд вход ждёт до минуты."
    "</span><br>"
    "<span lang='en'>Transaction fraud check. After several failed attempts the next waits up to a minute."
    "</span>"
)
"""Over the form, before anybody's language is known."""


@dataclass(frozen=True, slots=True)
class LoginTexts:
    """The login in one language."""

    roles: Mapping[Role, str] = field(default_factory=lambda: {Role.VIEWER: "наблюдатель", Role.ANALYST: "аналитик"})
    leave: str = "Выйти"
    not_allowed: str = "Ваша роль — наблюдатель. Выносить вердикты и отправлять транзакции могут аналитики."


LOGIN_TEXTS = {
    "ru": LoginTexts(),
    "en": LoginTexts(
        roles={Role.VIEWER: "viewer", Role.ANALYST: "analyst"},
        leave="Log out",
        not_allowed="You are a viewer. Only analysts can give verdicts and send transactions.",
    ),
}
