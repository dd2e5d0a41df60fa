"""Settings of an OpenID provider that cannot be are told before anything starts, without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.config import Settings
from app.openid.config import config_of
from app.openid.errors import OpenIdSettingsError

SECRET = "never-shown-to-anybody"  # noqa: S105
GOOD = {
    "public_url": "https://synth.example.org/",
    "oidc_issuer": "https://login.example.org/realms/staff",
    "oidc_client_id": "lookalike",
    "oidc_client_secret": SECRET,
    "oidc_roles_claim": "groups",
    "oidc_roles": '{"staff": "analyst"}',
    "oidc_tenant": "acme",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"oidc_issuer": ""}, "LOOKALIKE_OIDC_ISSUER beside LOOKALIKE_OIDC_CLIENT_ID"),
        ({"public_url": ""}, "LOOKALIKE_PUBLIC_URL beside"),
        ({"public_url": "https://synth.example.org/path"}, "without a path"),
        ({"oidc_issuer": "http://login.example.org"}, "https"),
        ({"oidc_issuer": "https://user@login.example.org"}, "without a user"),
        ({"oidc_issuer": "https://login.example.org?x"}, "query"),
        ({"oidc_issuer": "https://[x"}, "LOOKALIKE_OIDC_ISSUER"),
        ({"oidc_client_secret": ""}, "got neither"),
        ({"oidc_client_secret_file": "/nowhere"}, "got both"),
        ({"oidc_client_secret": "", "oidc_client_secret_file": "/nowhere"}, "a file of text"),
        ({"oidc_client_secret": "short"}, "16 printable"),
        ({"oidc_origins": "login.example.org"}, "LOOKALIKE_OIDC_ORIGINS"),
        ({"oidc_roles": "staff=analyst"}, "LOOKALIKE_OIDC_ROLES: expected a JSON object"),
        ({"oidc_roles": "{}"}, "LOOKALIKE_OIDC_ROLES: expected a JSON object"),
        ({"oidc_roles": '{"staff": "root"}'}, "uploader, analyst"),
        ({"oidc_roles": '{"staff": []}'}, "uploader, analyst"),
        ({"oidc_roles": '{"staff": 7}'}, "uploader, analyst"),
        ({"oidc_tenant": ""}, "either LOOKALIKE_OIDC_TENANT"),
        ({"oidc_tenant_claim": "org"}, "either LOOKALIKE_OIDC_TENANT"),
        ({"oidc_tenant": "", "oidc_tenant_claim": "org"}, "either LOOKALIKE_OIDC_TENANT"),
        ({"oidc_tenant": "", "oidc_tenant_claim": "org", "oidc_tenants": '{"a": 1}'}, "LOOKALIKE_OIDC_TENANTS"),
    ],
)
def test_settings_that_cannot_be_name_the_variable_and_no_secret(changed: dict[str, str], said: str) -> None:
    with pytest.raises(OpenIdSettingsError) as caught:
        config_of(Settings(**GOOD | changed))
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    settings = Settings(**GOOD | {"oidc_client_secret": "", "oidc_client_secret_file": str(file)})
    config = config_of(settings)
    assert config is not None
    assert (config.client_secret, config.redirect_uri) == (SECRET, "https://synth.example.org/sign-in/openid/back")
    assert config.origins == {"https://login.example.org:443"}
    assert SECRET not in repr(config) + repr(Settings(**GOOD))
    assert config_of(Settings()) is None


def test_commands_refuse_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_OIDC_ISSUER", "https://login.example.org")
    answer = CliRunner().invoke(app, ["people", "list", "--home", str(tmp_path)])
    assert answer.exit_code != 0
    assert "LOOKALIKE_OIDC_CLIENT_ID" in str(answer.exception) + answer.output
