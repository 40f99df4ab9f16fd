"""What can be switched on the demo store while it runs (`POST /demo/settings`) or from the command line."""

from dataclasses import dataclass

CHOICES = {
    "tfa": ("off", "google", "user_not_configured", "no_provider"),
    "token_format": ("jwt", "opaque"),
    "poison_answer": ("404", "500", "timeout"),
    "total_count": ("right", "missing", "zero", "low", "high"),
}


@dataclass(frozen=True)
class Settings:
    """Everything switchable, with the defaults of a stock Magento 2.4.7.

    * `password`: of every demo user.
    * `token_life`: seconds a token is valid. `token_format`: `jwt`, or `opaque` as before 2.4.4.
    * `lockout_failures`, `lockout_seconds`: wrong passwords per user until it is refused, and for how long.
    * `tfa`: two-factor module `off`, or on with Google active / not configured for the user / no provider at all.
      `tfa_secret`: the users' base32 secret.
    * `integration_bearer`: accept the integration's access token as Bearer (off since 2.4.4).
    * `page_limit`: largest page size, 0 for no limit.
    * `most_rows`: rows of a page at most, whatever is asked for and without a word; 0 for no limit.
    * `total_count`: how lists count their rows: `right`, or a wrong way.
    * `clock_ahead`: seconds by which the web server's clock, not the database's, is ahead: that of `Date`.
    * `pace`: 0 answers at once; 1 as slowly as the recorded Magento; 10 ten times faster than that.
    * `poison_orders`, `poison_categories`, `poison_customer_groups`: ids that break every page they are on;
      `poison_answer` is how, `poison_seconds` how long `timeout` says nothing before its 504.
    * `rewrites`: without them only `/index.php/rest/...` exists, as on a web server that was not set up for them.
    * `base_path`: where the shop lives, `/tienda` for instance.
    """

    password: str = "icomm-demo-1"  # noqa: S105 - the demo's, on loopback
    token_life: float = 3600.0
    token_format: str = "jwt"  # noqa: S105
    lockout_failures: int = 6
    lockout_seconds: float = 1800.0
    tfa: str = "off"
    tfa_secret: str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
    integration_bearer: bool = False
    page_limit: int = 0
    most_rows: int = 0
    total_count: str = "right"
    clock_ahead: float = 0.0
    pace: float = 0.0
    poison_orders: tuple[int, ...] = ()
    poison_categories: tuple[int, ...] = ()
    poison_customer_groups: tuple[int, ...] = ()
    poison_answer: str = "404"
    poison_seconds: float = 60.0
    rewrites: bool = True
    base_path: str = ""
