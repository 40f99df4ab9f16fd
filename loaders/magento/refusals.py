"""Why a store does not take a login, in a line that says what to do. Texts and codes as recorded from a live 2.4.7."""

from __future__ import annotations

from loaders.magento.errors import filled_message
from loaders.magento.settings import name


def refused_token() -> str:
    """An integration's access token alone."""
    return (
        "the store refuses the integration's access token alone, as Magento does from 2.4.4 on; either set "
        f"{name('consumer_key')}, {name('consumer_secret')} and {name('access_token_secret')} too (System > "
        "Integrations shows all four), or allow it in Stores > Configuration > Services > OAuth > Consumer "
        "Settings; if it is allowed, the token is wrong or the integration not active"
    )


def refused_integration(text: str) -> str:
    """An integration's four credentials. Texts as Magento's Oauth.php and TokenProvider have them."""
    lowered = text.lower()
    if "signature" in lowered:
        wrong = (
            f"the signature is wrong: {name('consumer_secret')} or {name('access_token_secret')} is not this "
            "integration's (or a proxy changes the address on its way)"
        )
    elif "consumer" in lowered:
        wrong = f"{name('consumer_key')} is not known to the store"
    elif "timestamp" in lowered:
        wrong = "this machine's clock is more than ten minutes off; set it by NTP"
    elif "token" in lowered:
        wrong = f"{name('access_token')} is not known to the store, or the integration was reauthorised"
    else:
        wrong = "it does not accept the four credentials; is the integration active?"
    return f"the store refused the integration: {wrong}; System > Integrations shows the four credentials"


def refusal(status: int, body: object, *, has_totp: bool) -> str:
    """An admin user's login."""
    text = filled_message(body)
    lowered = text.lower()
    if status == 401 and "invalid code" in lowered:
        return (
            f"the store did not accept the one-time code; check that {name('totp_secret')} is this user's, and set "
            "this machine's clock by NTP"
        )
    if status == 401 and "more permissions" in lowered:
        return (
            f"the user of {name('username')} has no role; give it one in System > All Users > the user > User Role "
            "(the article's role: System > User Roles)"
        )
    if status == 401:
        return (
            f"the store refused the login: wrong {name('username')} or {name('password')}, an inactive user, or one "
            "locked for 30 minutes after six failures (all answer alike); check in the admin before trying again"
        )
    if status == 400 and ("2fa" in lowered or "two-factor" in lowered or "provider" in lowered):
        return f'two-factor login is on ("{text}"); {_two_factor(lowered, has_totp=has_totp)}'
    if status == 400:
        return f'the store could not read the login ("{text}"); check {name("username")} and {name("password")}'
    if status == 403:
        return "a firewall in front of the shop refuses the login (403); have this machine's address let in"
    if status == 404:
        return (
            f"no Magento REST API answers at {name('base_url')} (404); it must be the shop's address, not the admin's"
        )
    if status == 503:
        return "the shop is in maintenance (503); run again when it is open"
    return f"the store answered the login with {status}{f': {text}' if text else ''}; try again when the shop works"


def _two_factor(lowered: str, *, has_totp: bool) -> str:
    """What to do about two-factor login: three ways out, after what stands in the way of the first."""
    if "ask an administrator" in lowered or "not allowed" in lowered:
        first = (
            "no provider is configured in the store: have Google Authenticator chosen in Stores > Configuration > "
            f"Security > 2FA and set {name('totp_secret')},"
        )
    elif has_totp or "configure" in lowered:
        first = (
            "the user has not set up Google Authenticator: log in to the admin once as this user (Magento sends it an "
            f"e-mail), keep the secret it shows and set {name('totp_secret')} to it,"
        )
    else:
        first = f"either set {name('totp_secret')} to the user's Google Authenticator secret,"
    return (
        f"{first} or use an integration's four OAuth credentials (System > Integrations), or have two-factor login "
        "switched off for the API"
    )
