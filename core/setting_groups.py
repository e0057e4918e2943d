"""Groups of settings; `core.settings.Settings` is all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationInfo, field_validator

from core.plaintext import check_clamd, check_database, check_plaintext_hosts, check_valkey
from core.setting_types import (
    SMTP_PORTS,
    ClamdUrl,
    DatabaseUrl,
    EncryptionKeys,
    HttpUrl,
    IpNetwork,
    KeyProviderName,
    MailAddress,
    Networks,
    Port,
    PublicKeys,
    RateLimitText,
    RedisUrl,
    RegionFolders,
    SignedRequestsPolicy,
    SmtpTls,
    is_this_machine,
    parse_networks,
    parse_regions,
)

PlaintextHosts = Annotated[str, AfterValidator(check_plaintext_hosts)]


class DatabaseSettings(BaseModel):
    """Postgres and Valkey, and how long a statement may take."""

    plaintext_hosts: PlaintextHosts = Field(
        "",
        description="Hosts beyond this machine that Postgres, Valkey, scorer and MLflow may be reached at without TLS, "
        "separated by commas: names, addresses, or networks such as `10.1.0.0/16`. Name those alone between which and "
        "this machine nobody else can read or write.",
    )
    database_url: DatabaseUrl | None = Field(
        None,
        description="Postgres URL, with `sslmode=verify-full` if it is on another machine; unset: the embedded "
        "Postgres.",
    )
    database_api_url: DatabaseUrl | None = Field(
        None, description="Postgres URL of the role that answers requests; unset: the owner's sessions take that role."
    )
    redis_url: RedisUrl | None = Field(
        None,
        description="Valkey or Redis URL, with `rediss` if it is on another machine; unset: the embedded Valkey.",
    )
    clamd_url: ClamdUrl | None = Field(
        None,
        description="ClamAV's clamd, by which uploaded files are scanned before they are read: "
        "`unix:///run/clamav/clamd.ctl`, or `tcp://host:port` on this machine or a host of `plaintext_hosts`; unset: "
        "files are not scanned.",
    )
    clamd_max_bytes: int = Field(
        25_000_000,
        ge=1,
        description="Bytes of the largest file that clamd scans as a whole: at most its `StreamMaxLength`, "
        "`MaxFileSize` and `MaxScanSize`. With `clamd_url` larger uploads get 413.",
    )
    embedded_listen: Literal["socket", "port"] = Field(
        "socket",
        description="Where embedded servers that are started listen: at Unix sockets in `home`, or at ports on "
        "loopback, such as for programs in containers. A home whose path is too long for a socket, or has a comma, has "
        "ports.",
    )
    database_statement_timeout_ms: int = Field(
        5_000, ge=0, description="Milliseconds after which Postgres ends a statement of a request; 0: never."
    )
    database_lock_timeout_ms: int = Field(
        2_000, ge=1, description="Milliseconds a request waits for a lock, such as the one of its claim's member."
    )
    database_idle_timeout_ms: int = Field(
        5_000,
        ge=0,
        description="Milliseconds after which Postgres ends an idle transaction of a request; 0: never.",
    )
    database_transaction_timeout_ms: int = Field(
        10_000,
        ge=0,
        description="Milliseconds after which PostgreSQL 17 or newer ends a transaction of a request; 0: never.",
    )
    database_batch_timeout_s: int = Field(
        900, ge=0, description="Seconds for a statement of the worker's feature updates and daily work; 0: no limit."
    )

    @field_validator("database_url", "database_api_url")
    @classmethod
    def _database_with_tls(cls, url: SecretStr | None, values: ValidationInfo) -> SecretStr | None:
        if url is not None:
            check_database(url.get_secret_value(), values.data.get("plaintext_hosts", ""))
        return url

    @field_validator("clamd_url")
    @classmethod
    def _clamd_nearby(cls, url: str | None, values: ValidationInfo) -> str | None:
        if url is not None:
            check_clamd(url, values.data.get("plaintext_hosts", ""))
        return url

    @field_validator("redis_url")
    @classmethod
    def _valkey_with_tls(cls, url: SecretStr | None, values: ValidationInfo) -> SecretStr | None:
        if url is not None:
            check_valkey(url.get_secret_value(), values.data.get("plaintext_hosts", ""))
        return url


class MailSettings(BaseModel):
    """The SMTP server of notifications."""

    smtp_host: str | None = Field(
        None, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$", description="SMTP server of notifications; unset: none."
    )
    smtp_port: Port | None = Field(
        None, description="Port of the SMTP server; unset: 587 with `starttls`, 465 with `implicit`, 25 with `none`."
    )
    smtp_tls: SmtpTls = Field(
        "starttls",
        validate_default=True,
        description="Encryption of the SMTP connection; `none` is for a server on this machine only.",
    )
    smtp_user: str | None = Field(None, max_length=320, description="User at the SMTP server; unset: no login.")
    smtp_password: SecretStr | None = Field(None, description="Password of the user at the SMTP server.")
    smtp_ca_file: Path | None = Field(
        None, description="File of further certificate authorities, in PEM, that the SMTP server may use."
    )
    smtp_deadline_s: float = Field(30.0, gt=0, le=300, description="Seconds for sending one message.")
    mail_from: MailAddress | None = Field(None, description="Address that notifications are sent from.")
    console_url: HttpUrl | None = Field(
        None,
        description="Address at which people reach the console, such as `https://claims.insurer.example`; links in "
        "notifications begin with it. Unset: no links.",
    )

    @field_validator("smtp_tls")
    @classmethod
    def _encrypted_beyond_this_machine(cls, tls: SmtpTls, values: ValidationInfo) -> SmtpTls:
        if tls == "none" and not is_this_machine(values.data.get("smtp_host")):
            raise ValueError("must be starttls or implicit: none is for an SMTP server on this machine only")
        return tls

    @property
    def smtp_port_or_default(self) -> int:
        """The port of the SMTP server."""
        return self.smtp_port or SMTP_PORTS[self.smtp_tls]


class KeyProviderSettings(BaseModel):
    """What holds the master key of personal data and secrets, and how to reach it."""

    vault_url: HttpUrl | None = Field(
        None,
        description="Address of HashiCorp Vault, for `GINJA_KEY_PROVIDER=vault`: `https`; `http` to this machine only.",
    )
    vault_token_file: Path | None = Field(
        None,
        description="File of the Vault token, mode 0600. It is read for each request, so that Vault Agent may replace "
        "it; a renewable token is renewed when half of its time is over.",
    )
    vault_transit_key: str = Field(
        "ginja",
        pattern=r"^[A-Za-z0-9_.-]{1,128}$",
        description="Name of the key in Vault's transit engine; it must be made with `derived=true`.",
    )
    vault_transit_mount: str = Field(
        "transit", pattern=r"^[A-Za-z0-9_./-]{1,128}$", description="Path at which the transit engine is mounted."
    )
    vault_namespace: str | None = Field(None, max_length=256, description="Namespace of Vault Enterprise.")
    vault_ca_file: Path | None = Field(
        None, description="File of further certificate authorities, in PEM, that Vault may use."
    )
    aws_kms_key: str | None = Field(
        None,
        max_length=2048,
        description="Id, ARN or alias (`alias/ginja`) of the symmetric key, for `GINJA_KEY_PROVIDER=aws-kms`. "
        "Credentials are those of the AWS SDK: environment, profile, or role of the machine.",
    )
    aws_kms_region: str | None = Field(
        None, pattern=r"^[a-z0-9-]{1,40}$", description="AWS region of the key. Unset: that of the AWS SDK."
    )
    aws_kms_url: HttpUrl | None = Field(
        None, description="Endpoint of AWS KMS, such as that of a VPC: `https`; `http` to this machine only."
    )
    key_provider: KeyProviderName = Field(
        "file",
        validate_default=True,
        description="What holds the master key under which personal data and secrets are encrypted. `file`: "
        "`GINJA_ENCRYPTION_KEYS` or a file of the home; `vault`: HashiCorp Vault's transit engine; `aws-kms`: AWS KMS, "
        "which needs the extra `aws`. The same for every process.",
    )

    @field_validator("vault_url", "aws_kms_url")
    @classmethod
    def _over_https(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).scheme != "https" and not is_this_machine(urlsplit(url).hostname):
            raise ValueError("must be https: http is for a service on this machine only")
        return url

    @field_validator("key_provider")
    @classmethod
    def _with_its_address(cls, provider: KeyProviderName, values: ValidationInfo) -> KeyProviderName:
        needed = {"vault": ("vault_url", "vault_token_file"), "aws-kms": ("aws_kms_key",)}.get(provider, ())
        missing = [f"GINJA_{name.upper()}" for name in needed if values.data.get(name) is None]
        if missing:
            raise ValueError(f"{provider} needs {' and '.join(missing)}")
        return provider


class SignInSettings(BaseModel):
    """The identity provider that signs people in to the console (OpenID Connect)."""

    oidc_issuer: HttpUrl | None = Field(
        None,
        description="Issuer of the identity provider, exactly as it states it, HTTPS. Unset: people sign in with a "
        "password. Needs `GINJA_OIDC_CLIENT_ID` and `GINJA_CONSOLE_URL`; the provider sends people back to "
        "`/console/oidc/callback` there.",
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, max_length=255, validate_default=True, description="This installation's id there."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="This installation's secret there; unset: a public client, with PKCE alone."
    )
    oidc_max_age_s: int = Field(
        43_200,
        ge=60,
        le=604_800,
        description="Seconds after which a person proves again at the provider to be it; it must state `auth_time`.",
    )
    oidc_second_factor: str = Field(
        "mfa",
        pattern=r"^[!-~]+( [!-~]+)*$",
        description="Values of `amr` or `acr`, separated by blanks, that say that a second factor was proved.",
    )
    oidc_acr_values: str | None = Field(
        None,
        max_length=500,
        description="`acr_values` that the provider is asked for, such as a level with two.",
    )
    oidc_ca_file: Path | None = Field(
        None, description="File of further certificate authorities, in PEM, that the provider may use."
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _protected(cls, issuer: str | None, values: ValidationInfo) -> str | None:
        if issuer is None:
            return None
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not is_this_machine(parts.hostname):
            raise ValueError("must be HTTPS; HTTP is for a provider on this machine only")
        if values.data.get("console_url") is None:
            raise ValueError("needs GINJA_CONSOLE_URL, where the provider sends people back to")
        return issuer

    @field_validator("oidc_client_id")
    @classmethod
    def _of_issuer(cls, client_id: str | None, values: ValidationInfo) -> str | None:
        if values.data.get("oidc_issuer") is not None and client_id is None:
            raise ValueError("must be set together with GINJA_OIDC_ISSUER")
        return client_id


class SecuritySettings(BaseModel):
    """HTTPS, keys, proxies, rate limits and where webhooks may go."""

    tls_certificate: Path | None = Field(
        None, description="File of the certificate chain, in PEM, with which the API serves HTTPS. Unset: HTTP."
    )
    tls_key: Path | None = Field(
        None, validate_default=True, description="File of the certificate's private key, in PEM, mode 0600."
    )
    trusted_proxies: Networks = Field(
        "", description="Networks of proxies whose `X-Forwarded-For` and `-Proto` are trusted, separated by commas."
    )
    rate_limits: RateLimitText = Field(
        "",
        description="Rate limits that replace the defaults: `NAME=REQUESTS/SECONDS`, separated by commas. A name is a "
        "role, `other` (roles without a limit of their own), `address` or `session` (of the console).",
    )
    encryption_keys: EncryptionKeys | None = Field(
        None,
        description="Master keys, under which personal data of members and the secrets of webhooks are encrypted: 32 "
        "bytes each in URL-safe base64, separated by commas; the first encrypts, all decrypt. API, worker, tasks and "
        "commands that load members need the same. Unset: a key made in `encryption.key` of the home.",
    )
    signing_key_file: Path | None = Field(
        None,
        description="File of the Ed25519 private key, in PEM, that signs models and the feature registry. Unset: a key "
        "made in `signing.key` of the home.",
    )
    signing_public_keys: PublicKeys | None = Field(
        None,
        description="Public keys (`ginja model public-key`), separated by commas, whose signatures of models and of "
        "the feature registry are accepted. Unset: that of the signing key only.",
    )
    audit_anchor_folder: Path | None = Field(
        None,
        description="Folder outside this machine, such as a mounted WORM share, where the worker stores a second copy "
        "of each anchor of the audit log, and where `ginja audit verify` reads it. Unset: `audit-anchors.jsonl` of the "
        "home only.",
    )
    signed_requests: SignedRequestsPolicy = Field(
        "required",
        description="Whether requests with an API key that approve, administer keys or users, or activate a policy "
        "must be signed: `required`, or `accepted` (signatures are verified where they are sent).",
    )
    confirmation_above_cents: int = Field(
        500_000,
        ge=0,
        description="A decision or disposition of a claim above this amount is signed, or confirmed by a recent second "
        "factor.",
    )
    webhook_allowed_networks: Networks = Field(
        "",
        description="Networks of your own that webhooks may be sent to although they are not public, such as "
        "`10.1.0.0/16`, separated by commas. In them, `http` and any port are allowed.",
    )
    webhook_ca_file: Path | None = Field(
        None, description="File of further certificate authorities, in PEM, that receivers of webhooks may use."
    )

    @field_validator("tls_key")
    @classmethod
    def _with_certificate(cls, key: Path | None, values: ValidationInfo) -> Path | None:
        if (key is None) != (values.data.get("tls_certificate") is None):
            raise ValueError("must be set together with GINJA_TLS_CERTIFICATE: HTTPS needs both")
        return key

    @property
    def webhook_networks(self) -> tuple[IpNetwork, ...]:
        """`webhook_allowed_networks` as networks."""
        return parse_networks(self.webhook_allowed_networks)


class PrivacySettings(BaseModel):
    """How long data are kept, and where they may go."""

    retention_file: Path | None = Field(
        None,
        description="TOML file that changes how long kinds of data are kept, see `docs/operate/privacy.md`. Unset: the "
        "declared periods, which `ginja data retention` shows.",
    )
    archive_folder: Path | None = Field(
        None,
        description="Folder of archives of claims whose retention is over, see `docs/operate/archives.md`. Unset: "
        "`ginja data archive run` needs `--to`.",
    )
    data_residency: str | None = Field(
        None,
        pattern=r"^[a-z]{2}(-[a-z0-9]+)*$",
        description="Region in which files with data of members must stay, such as `us` or `eu-west-1`: commands write "
        "them to folders of this region only. Unset: anywhere.",
    )
    data_regions: RegionFolders = Field(
        "",
        description="Folders and the region each is in, `FOLDER=REGION`, separated by commas, such as "
        "`/srv/exports=us,/mnt/eu=eu-west-1`; the innermost folder counts.",
    )

    @property
    def regions(self) -> Mapping[Path, str]:
        """`data_regions` as folders, with links followed."""
        return parse_regions(self.data_regions)


class PayerSettings(BaseModel):
    """Who the insurer is, in X12 835."""

    payer_name: str | None = Field(None, max_length=60, description="The insurer's name in X12 835.")
    payer_tax_id: str | None = Field(None, pattern=r"^[0-9]{9}$", description="The insurer's tax number in X12 835.")
    payer_street: str | None = Field(None, max_length=55, description="The insurer's street in X12 835.")
    payer_city: str | None = Field(None, max_length=30, description="The insurer's city in X12 835.")
    payer_state: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="The insurer's state in X12 835.")
    payer_zip_code: str | None = Field(
        None, pattern=r"^[0-9]{5}([0-9]{4})?$", description="The insurer's ZIP code in X12 835."
    )
    payer_phone: str | None = Field(
        None, pattern=r"^[0-9]{10}$", description="Where providers ask about payments, in X12 835."
    )
