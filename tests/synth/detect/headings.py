"""What tables of five countries call their columns of personal data; empty where a country has none of a kind."""

from __future__ import annotations

_ROWS = """
full name|Name|Nom complet|Nombre y apellidos|Full name|customer_name
last name, first name|Patient|Nom et prénom|Apellidos y nombre|Name|Name (Last, First)
name with title|Ansprechpartner|Médecin|Titular|Consultant|Provider Name
first name|Vorname|Prénom|Nombre|Forename|first_name
last name|Nachname|Nom de famille|Apellidos|Surname|last_name
e-mail|E-Mail|Courriel|Correo electrónico|Email address|email
phone, national|Telefon|Téléphone|Teléfono|Telephone|phone
phone, international|Handynummer|Portable|Móvil|Mobile|cell_phone
phone, digits only|Mobilnr|tel_portable|tlf_movil|mobile_no|phone_number
street and number|Straße|Rue|Calle|Address line 1|street_address
whole address|Anschrift|Adresse|Dirección|Address|mailing_address
IBAN|IBAN|IBAN|IBAN|IBAN|iban
IBAN in groups|Bankverbindung|Compte bancaire|Cuenta bancaria|Bank account|beneficiary_account
bank account|Kontonummer|RIB|CCC|Sort code and account|routing_account
card number|Kreditkarte|Numéro de carte|Tarjeta|Card number|cc_number
card number in groups|Kartennummer|Carte bancaire|Nº tarjeta|PAN|credit_card
national id|Steuer-ID|Numéro de sécurité sociale|DNI|NI number|SSN
tax id|Steuernummer|Numéro fiscal|NIE|UTR|ITIN
health insurance id|Versichertennummer|NIR|Nº Seguridad Social|NHS number|medicare_id
passport|Reisepass|Passeport|Pasaporte|Passport no|passport_number
driving licence|Führerschein|Permis de conduire|Carné de conducir|Driving licence|drivers_license
number plate|Kennzeichen|Immatriculation|Matrícula|Registration|license_plate
vehicle number (VIN)|Fahrgestellnummer|Numéro de châssis|Bastidor|VIN|vin
IPv4|IP-Adresse|Adresse IP|Dirección IP|IP|ip_address
IPv6|ipv6|ipv6|ipv6|ipv6|client_ip
MAC address|MAC-Adresse|Adresse MAC|Dirección MAC|MAC|mac_address
IMEI|IMEI|IMEI|IMEI|IMEI|device_imei
web address|Webseite|Site web|Página web|Website|profile_url
user name|Benutzername|Identifiant|Usuario|Username|user_name
handle|Twitter|Pseudo|Alias|Handle|twitter_handle
coordinates|Koordinaten|Coordonnées GPS|Coordenadas|Location|lat_lon
"""
HEADINGS = {kind: tuple(headings) for kind, *headings in (line.split("|") for line in _ROWS.strip().splitlines())}
