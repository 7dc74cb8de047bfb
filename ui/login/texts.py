"""The words of the login, by language. Knows no layout."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.login.users import Role

MESSAGE = (
    "<span lang='ru'>Проверка платежей на мошенничество. После нескольких ошибок подряд вход ждёт до минуты.</span><br>"
    "<span lang='en'>Card payment fraud check. After several wrong tries the next one has to wait, a minute at most."
    "</span>"
)
"""Over the form, before anybody's language is known."""


@dataclass(frozen=True, slots=True)
class LoginTexts:
    """The login in one language."""

    roles: Mapping[Role, str] = field(default_factory=lambda: {Role.VIEWER: "наблюдатель", Role.ANALYST: "аналитик"})
    leave: str = "Выйти"
    not_allowed: str = "Ваша роль — наблюдатель: вердикты выносят и платежи отправляют аналитики."


LOGIN_TEXTS = {
    "ru": LoginTexts(),
    "en": LoginTexts(
        roles={Role.VIEWER: "viewer", Role.ANALYST: "analyst"},
        leave="Log out",
        not_allowed="You are a viewer: verdicts are given and payments are sent by analysts.",
    ),
}
