import os
from pathlib import Path

import pytest

from cardlib.regional import RegionalProfiles
from services import opening
from services.config import Config, ConfigError, LogLevel, Mode, ReaderKind, address_of
from services.issuance.orders import Templates


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SSCARD_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sscard.toml"


def test_the_defaults_are_the_safe_ones() -> None:
    config = Config.load()
    assert (config.mode, config.readers, config.log_level) == (Mode.PRODUCTION, ReaderKind.PCSC, LogLevel.INFO)
    assert config.listen == "127.0.0.1:50551"
    assert not config.development


def test_the_environment_counts_above_the_file_and_arguments_above_both(file, monkeypatch) -> None:
    file.write_text('listen = "127.0.0.1:1"\ncall_deadline = 1\ngrace = 1\n', encoding="utf-8")
    monkeypatch.setenv("SSCARD_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("SSCARD_CALL_DEADLINE", "2")
    config = Config.load(file, listen="127.0.0.1:3")
    assert (config.listen, config.call_deadline, config.grace) == ("127.0.0.1:3", 2.0, 1.0)


def test_the_environment_may_name_the_file(file, monkeypatch) -> None:
    file.write_text("event_queue = 7", encoding="utf-8")
    monkeypatch.setenv("SSCARD_CONFIG", str(file))
    assert Config.load().event_queue == 7


def test_a_setting_that_there_is_not_is_told_with_those_of_a_like_name(file) -> None:
    file.write_text('audit_keys = "x"\nzzz = 1\n', encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        Config.load(file)
    near, far = str(refused.value).split("; zzz: ")
    assert near.startswith("audit_keys: there is no such setting; is audit_key or ")
    assert near.endswith(" meant?")
    assert far == "there is no such setting"


def test_cards_are_a_list_in_the_file_and_separated_by_commas_in_the_environment(file, monkeypatch) -> None:
    file.write_text('simulated_cards = ["3.0"]', encoding="utf-8")
    assert Config.load(file).simulated_cards == ("3.0",)
    monkeypatch.setenv("SSCARD_SIMULATED_CARDS", "2.0, 3.0,3.0")
    assert Config.load(file).simulated_cards == ("2.0", "3.0", "3.0")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.9.9.9:65535", "[::1]:50551", "localhost:1"])
def test_this_machine_may_be_listened_at(listen) -> None:
    assert Config.load(listen=listen).listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:50551", "[::]:50551", "192.0.2.1:50551", "example.org:1", ":50551"])
def test_other_machines_may_not_call_without_certificates(listen) -> None:
    with pytest.raises(ConfigError, match=r"listen: .* certificates"):
        Config.load(listen=listen)


TLS = {"tls_certificate": "a.crt", "tls_key": "a.key", "tls_client_ca": "ca.crt"}
CLIENT = {"client_certificate": "b.crt", "client_key": "b.key", "client_ca": "ca.crt"}


@pytest.mark.parametrize("listen", ["0.0.0.0:50551", "[::]:50551", "counter-7.bank.example:1"])
def test_other_machines_may_call_with_certificates(listen) -> None:
    assert Config.load(listen=listen, **TLS).listen == listen


@pytest.mark.parametrize("together", [TLS, CLIENT])
def test_certificate_key_and_authorities_go_together(together) -> None:
    assert Config.load(**together).listen
    for missing in together:
        others = {name: value for name, value in together.items() if name != missing}
        with pytest.raises(ConfigError, match=f"go together: set {missing} as well"):
            Config.load(**others)


def test_a_list_of_certificates_taken_back_is_nothing_without_certificates() -> None:
    with pytest.raises(ConfigError, match="tls_revoked is nothing without tls_certificate"):
        Config.load(tls_revoked="revoked")


def test_a_centre_elsewhere_is_shown_a_certificate() -> None:
    with pytest.raises(ConfigError, match=r"centre: 'centre\.example:1' is not .*set client_certificate"):
        Config.load(centre="centre.example:1")
    assert Config.load(centre="centre.example:1", **CLIENT).centre == "centre.example:1"


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"])
def test_an_address_without_a_port_is_refused(listen) -> None:
    with pytest.raises(ConfigError, match="is not an address such as"):
        Config.load(listen=listen)


def test_an_address_is_taken_apart() -> None:
    assert address_of("[::1]:5") == ("::1", 5)
    assert address_of("localhost:5") == ("localhost", 5)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"readers": "simulated"}, "software cards are for development"),
        ({"log_level": "traffic"}, "is for development"),
    ],
)
def test_production_refuses_what_is_for_development(settings, sentence) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Config.load(**settings)
    assert Config.load(mode="development", **settings).development


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("listen = 5 =", "is not TOML"),
        ("lisen = 'x'", "lisen: "),
        ("call_deadline = 0", "call_deadline: "),
        ("mode = 'test'", "mode: "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(file, text, sentence) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        Config.load(file)


def test_a_file_that_is_not_there_is_not_ignored(file) -> None:
    with pytest.raises(ConfigError, match=r"sscard\.toml cannot be read: No such file"):
        Config.load(file)


def test_regional_profiles_are_checked_at_the_start_with_all_faults() -> None:
    vectors = Path(__file__).parents[1] / "vectors" / "regional"
    good = opening.open_regional_profiles(Config(regional_profiles=(vectors / "person-number.toml",)))
    assert len(good.profiles) == 1
    with pytest.raises(ConfigError) as raised:
        opening.open_regional_profiles(Config(regional_profiles=(vectors / "faults.toml", Path("/nonexistent.toml"))))
    assert "faults.toml: " in str(raised.value)
    assert "/nonexistent.toml: cannot be read" in str(raised.value)


@pytest.mark.parametrize("name", ["SSCARD_CARD_CACHE", "SSCARD_CONTROL"])
def test_variables_of_the_simulator_are_no_mistakes(monkeypatch, name) -> None:
    monkeypatch.setenv(name, "of the simulator's")
    assert Config.load().listen == "127.0.0.1:50551"


def test_a_variable_that_is_no_setting_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("SSCARD_LOG_LEVLE", "debug")
    with pytest.raises(ConfigError, match=r"SSCARD_LOG_LEVLE.*SSCARD_LOG_LEVEL"):
        Config.load()


def test_a_file_that_is_not_utf_8_is_refused_with_a_sentence(tmp_path) -> None:
    file = tmp_path / "sscard.toml"
    file.write_bytes("mode = '开发'".encode("gb18030"))
    with pytest.raises(ConfigError, match="is not TOML"):
        Config.load(file)


def test_the_port_is_written_in_ascii_digits() -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        Config.load(listen="127.0.0.1:١٢")


def test_the_database_is_in_the_directory_for_state_unless_it_is_said(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    config = Config.load()
    assert config.database_or_default == str(tmp_path / "sscard" / "sscard.db")
    assert config.digest_key_file == tmp_path / "sscard" / "sscard.digest-key"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sscard:/var/lib/other")
    assert Config.load().database_or_default == "/var/lib/sscard/sscard.db"
    assert Config.load(database="postgresql://db/cards").digest_key_file == Path("/var/lib/sscard/sscard.digest-key")
    assert Config.load(database="/srv/a.db").digest_key_file == Path("/srv/a.digest-key")
    assert Config.load(database="/srv/a.db", digest_key="/etc/key").digest_key_file == Path("/etc/key")


def test_templates_are_checked_at_the_start_with_all_faults(tmp_path) -> None:
    (tmp_path / "a.toml").write_text('version = "2.0"\nregion = "99"\nnonsense = 1\n', encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        Templates([tmp_path / "a.toml", tmp_path / "b.toml"], RegionalProfiles())
    assert all(words in str(raised.value) for words in ("a.toml: region", "a.toml: nonsense", "b.toml: cannot be read"))
