"""The words of a column's name, and what they say in several languages."""

from __future__ import annotations

import re
import unicodedata

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_JOINED = {
    ("e", "mail"): "email",
    ("zip", "code"): "zipcode",
    ("post", "code"): "postcode",
    ("user", "name"): "username",
}
_JOINED |= {("last", "name"): "lastname", ("first", "name"): "firstname", ("full", "name"): "fullname"}
_JOINED |= {("sur", "name"): "surname", ("i", "p"): "ip", ("web", "site"): "website", ("tele", "phone"): "telephone"}
_JOINED |= {("nick", "name"): "nickname", ("log", "in"): "login", ("tail", "num"): "tailnum"}
_JOINED |= {("screen", "name"): "screenname"}


def plain(text: str) -> str:
    """The text without accents; ß as ss."""
    spread = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "SS"))
    return "".join(character for character in spread if not unicodedata.combining(character))


def words_of(name: str) -> list[str]:
    """The words of a name in lower case and without accents, cut at signs and capitals; E-Mail is one word."""
    words: list[str] = []
    for word in (found.lower() for found in _WORDS.findall(plain(name))):
        if words and (words[-1], word) in _JOINED:
            words[-1] = _JOINED[words[-1], word]
        else:
            words.append(word)
    return words


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


EMAIL = _set("email emails emailadresse mail courriel correo correio posta mailadresse")
PHONE = _set(
    "phone phones telephone tel telefon telefono telefone telefoon mobile mobil movil cellulare celular cell "
    "handy fax telefonnummer telefoonnummer telnr gsm portable rufnummer mobilnummer cellphone phone1 phone2 "
    "telemovel"
)
ADDRESS = _set(
    "address addr address1 address2 street strasse str adresse anschrift adres straat rue calle direccion "
    "domicilio via indirizzo endereco morada rua strassenname hausnummer wohnort addressline streetaddress"
)
FIRST_NAMES = _set("firstname vorname prenom voornaam givenname forename rufname fname nombre")
LAST_NAMES = _set(
    "lastname surname nachname familienname achternaam apellido apellidos cognome sobrenome apelido familyname "
    "lname maiden geburtsname madchenname maedchenname"
)
OF_THINGS_TOO = _set("nombre")
"""Words for first names that stand for names of things as well."""
FULL_NAMES = _set("name fullname names nom naam nome")
USERNAMES = _set(
    "username login nickname benutzername utilisateur usuario gebruikersnaam utente userid screenname handle "
    "twitter instagram skype pseudo alias"
)
IBAN = _set("iban kontonummer bban rib ccc routing blz konto")
DEVICE = _set("imei mac macaddress vin bastidor chassis fahrgestellnummer fahrgestell fin imsi")
COORDINATES = _set("coordinates koordinaten coordonnees coordenadas coordinate gps geo latlon latlong lat location")
CARD = _set("card creditcard kreditkarte kreditkartennummer cardnumber carte tarjeta carta kaart cartao pan ccnumber")
NATIONAL = _set(
    "ssn nino nhs steuerid steuernummer idnr svnr sozialversicherungsnummer nir insee dni nie nif codicefiscale "
    "fiscale bsn burgerservicenummer sofinummer nuss niss cpf curp aadhaar passport passnummer passeport "
    "pasaporte passaporto paspoort ausweis ausweisnummer personalausweis ahv avs rijksregisternummer personnummer "
    "licence license national passnr steuernr tin itin utr fiscal reisepass fuhrerschein fuehrerschein permis conducir "
    "patente "
    "rijbewijs versichertennummer versicherungsnummer krankenversicherungsnummer kvnr medicare medicaid mbi"
)
SAID_TOGETHER = (
    {"social", "security"},
    {"seguridad", "social"},
    {"securite", "sociale"},
    {"tax", "id"},
)
"""Words that together say national id."""
BANKED = ({"bank", "account"}, {"sort", "code"}, {"cuenta", "bancaria"}, {"compte", "bancaire"})
"""Words that together say bank account."""
IP = _set("ip ipaddress ipv4 ipv6 clientip remoteaddr")
URL = _set("url website homepage web link site webseite")
PLATE = _set(
    "plate kennzeichen numberplate licenseplate immatriculation matricula targa kenteken nummernschild registration"
)
NOT_PEOPLE = _set(
    "product item city town state country county region department ward company firm firma file table "
    "store shop brand model project course class school hospital bank airport airline station event job role "
    "category type group drug medication medicine disease diagnosis test lab unit team plan "
    "campaign source channel stadt land ort ville pays ciudad pais citta paese stad produkt produit producto "
    "prodotto artikel article host domain species street road road district area building room song title movie "
    "book game program programme device carrier"
)
"""Things whose names say nothing about people."""
TEXTS = _set(
    "comment comments note notes remark remarks description text message bemerkung kommentar notiz beschreibung "
    "feedback review reason details anmerkung commentaire observaciones nota opmerking summary narrative history "
    "title subject"
)
POSTCODES = _set(
    "zip zipcode postcode postal postalcode plz postleitzahl cap cp codepostal codigopostal pincode fips ags gemeinde"
)
CODES = _set(
    "code codes sku fips naics icd sic icd9 icd10 cpt drg ndc hs iso iata icao schluessel kennzahl cod codigo codice "
    "diag"
)
CODED_THINGS = _set("zone region district branch store product class department station occupation procedure")
"""Things that are mostly given by a number, where the name ends with them."""
THINGS = _set(
    "branch store shop product class ward department room station bank warehouse site school hospital clinic "
    "office item sku region zone country city state team group unit course filiale abteilung station produkt "
    "klasse agence magasin produit sucursal tienda producto clase filiaal winkel category type vehicle route "
    "campaign supplier vendor merchant device location facility"
)
STAFF = _set(
    "doctor physician manager nurse teacher agent advisor adviser seller salesperson rep supervisor provider "
    "surgeon therapist officer clerk cashier instructor tutor arzt lehrer berater vorgesetzter medecin gerente "
    "mentor boss assignee operator driver referrer parent prescriber consultant"
)
PEOPLE = _set(
    "patient customer client person user member subject participant respondent employee student pupil citizen "
    "resident applicant borrower donor insured policyholder cardholder tenant cust emp pat kunde kunden patienten "
    "mitarbeiter mitglied versicherter teilnehmer schueler personal klient klant werknemer cliente paciente "
    "empleado alumno paziente dipendente salarie adherent eleve assure usager utente aluno funcionario deelnemer "
    "leerling guest passenger household subscriber account voter proband probanden probandin matrikel"
) - {"personal", "household", "account"}
CONTACTS = _set(
    "holder owner author sender recipient contact ansprechpartner kontaktperson interlocuteur titular titulaire "
    "titolare "
    "contactpersoon beneficiary payee"
)
"""People who are no subjects of the records."""
RECORDS = _set(
    "order visit loan receipt invoice transaction booking claim ticket event trip stay record row encounter "
    "admission purchase sale payment case session log entry reservation call rechnung auftrag bestellung besuch "
    "commande pedido bestelling facture factura fattura fall aufnahme vorgang bestell buchung antrag accession"
)
"""Words for what happens to a person."""
NUMBERED = _set("id uuid guid key index ssn nr number no num nbr nummer numero matricule")
DAY_FIRST = _set(
    "geboren geburtsdatum datum beginn ende von bis naissance date debut fin fecha nacimiento inicio nascita "
    "inizio geboortedatum einddatum nascimento aufnahme entlassung eintritt austritt"
) - {"date"}
