"""Made-up personal data of five countries and more, and columns that look alike and are none."""

from __future__ import annotations

from collections.abc import Callable

from faker import Faker

from synth.written.surrogate import Replaced

RECORDS = 60
LOCALES = {"de": "de_DE", "fr": "fr_FR", "es": "es_ES", "it": "it_IT", "nl": "nl_NL", "en": "en_GB", "us": "en_US"}


def columns() -> list[tuple[str, list[str], Replaced | None]]:
    """(name of the column, its values, what personal data they are)."""
    made = {key: Faker(locale) for key, locale in LOCALES.items()}
    for i, faker in enumerate(made.values()):
        faker.seed_instance(i)
    found = [(name, _some(make), of) for name, make, of in _personal(made)]
    return found + [(name, _some(make), None) for name, make in _others(made["us"])]


def _some(make: Callable[[], object]) -> list[str]:
    return list(dict.fromkeys(str(make()) for _ in range(RECORDS)))


def _personal(made: dict[str, Faker]) -> list[tuple[str, Callable[[], object], Replaced]]:
    de, fr, es, it, nl, en, us = (made[key] for key in LOCALES)
    of = Replaced
    return [
        ("Name", de.name, of.NAME),
        ("patient_name", us.name, of.NAME),
        ("nom", fr.last_name, of.NAME),
        ("Prénom", fr.first_name, of.FIRST_NAME),
        ("Vorname", de.first_name, of.FIRST_NAME),
        ("Nachname", de.last_name, of.LAST_NAME),
        ("apellidos", es.last_name, of.LAST_NAME),
        ("cognome", it.last_name, of.LAST_NAME),
        ("achternaam", nl.last_name, of.LAST_NAME),
        ("voornaam", nl.first_name, of.FIRST_NAME),
        ("ansprechpartner", de.name, of.NAME),
        ("field_7", us.name, of.NAME),
        ("E-Mail", de.email, of.EMAIL),
        ("correo", es.email, of.EMAIL),
        ("x3", fr.email, of.EMAIL),
        ("Telefon", de.phone_number, of.PHONE),
        ("téléphone", fr.phone_number, of.PHONE),
        ("mobile", en.phone_number, of.PHONE),
        ("telefoon", nl.phone_number, of.PHONE),
        ("Straße", de.street_address, of.ADDRESS),
        ("adresse", fr.street_address, of.ADDRESS),
        ("indirizzo", it.street_address, of.ADDRESS),
        ("address", us.street_address, of.ADDRESS),
        ("iban", de.iban, of.IBAN),
        ("rekening", nl.iban, of.IBAN),
        ("card", us.credit_card_number, of.CARD),
        ("ssn", us.ssn, of.NATIONAL_ID),
        ("codice_fiscale", it.ssn, of.NATIONAL_ID),
        ("nir", fr.ssn, of.NATIONAL_ID),
        ("ip", us.ipv4, of.IP),
        ("client", us.ipv6, of.IP),
        ("url", us.url, of.URL),
        ("kennzeichen", de.license_plate, of.PLATE),
        ("username", us.user_name, of.USERNAME),
    ]


def _others(us: Faker) -> list[tuple[str, Callable[[], object]]]:
    return [
        ("city", us.city),
        ("company", us.company),
        ("job", us.job),
        ("product_name", lambda: f"{us.color_name()} {us.word()}"),
        ("country", us.country),
        ("comment", us.sentence),
        ("admitted", us.date),
        ("order_no", lambda: us.bothify("??-#####")),
        ("amount", lambda: us.pydecimal(4, 2)),
        ("postcode", us.postcode),
        ("time", us.time),
        ("uuid", us.uuid4),
        ("color", us.color_name),
        ("isbn", us.isbn13),
        ("timestamp", us.iso8601),
        ("lat", us.latitude),
        ("version", lambda: us.numerify("%.%#.##")),
        ("mime", us.mime_type),
        ("currency", us.currency_name),
        ("status", lambda: us.random_element(["open", "closed", "on hold"])),
    ]
