"""Names, streets and places of five countries, from no list that the detector reads."""

from __future__ import annotations

FIRST = {
    "de": "Anke Björn Detlef Elfriede Falk Gesine Heiko Ilse Jörg Katrin Lutz Maike Norbert Ortrud Uwe Frauke Torsten "
    "Wiebke Ansgar Birgit Dörte Eckhard Friederike Gunnar Hannelore Jutta Karsten Liesel Mareike Nele",
    "fr": "Anaïs Benoît Chantal Damien Élodie Fabrice Ghislaine Hervé Inès Jérôme Karine Ludovic Mireille Noël Océane "
    "Pascal Quentin Raphaël Solène Thierry Ursule Violette Xavier Yannick Zoé Maëlle Loïc Cédric Gaëtan Léa",
    "es": "Álvaro Begoña Carmen Dolores Emilio Fermín Gonzalo Hortensia Íñigo Jimena Lourdes Macarena Nuria Óscar "
    "Pilar Ramiro Soledad Teodoro Urbano Vanesa Ximena Yolanda Zacarías Aitor Leire Nerea Julián Fátima Pablo Lucía",
    "gb": "Alistair Bronwyn Clive Daphne Ewan Fiona Gareth Hamish Imogen Jemima Keir Lorna Morag Nigel Olwen Penelope "
    "Rhys Saskia Tamsin Ursula Vivien Winifred Yvonne Angus Bethan Callum Deirdre Elspeth Graham Pippa",
    "us": "Ashlynn Brayden Cody Darlene Earl Faith Grayson Hailey Isaiah Jamal Kayla LaToya Madison Nevaeh Orlando "
    "Peyton Quincy Rhonda Shawn Travis Wanda Xavier Yolanda Zane Dakota Skylar Tyrone Wyatt Brenda Chad",
}
LAST = {
    "de": "Ahrens Bräuer Claußen Diekmann Engelhardt Fiedler Göbel Hüttner Ihlenfeld Jürgens Kröger Lüders Mückner "
    "Niehaus Oesterle Petersen Quast Rohwer Stüber Tietjen Uhlig Voß Wiechert Zöllner Brandes Drewes Eggers Thöne",
    "fr": "Aubry Bellanger Chauvin Delorme Estève Ferrand Guichard Hébert Imbert Jacquet Kervella Lemaire Marchand "
    "Navarre Ollivier Peltier Quéré Rousselot Sabatier Tessier Urbain Vasseur Weil Yvon Bourdon Caillou Dufresne",
    "es": "Aguirre Barrientos Carrasco Dueñas Echeverría Fuentes Galindo Heredia Ibarra Jáuregui Larrañaga Montoya "
    "Narváez Ordóñez Pacheco Quiroga Rentería Saavedra Tejada Ugarte Valdés Yáñez Zubizarreta Barreda Cifuentes",
    "gb": "Ashworth Braithwaite Cholmondeley Dalrymple Entwistle Fotheringham Gascoigne Hargreaves Inglis Jardine "
    "Kilbride Lockwood MacAllister Nettleton O'Shaughnessy Postlethwaite Ramsbottom Sinclair Thistlewood Urquhart",
    "us": "Abernathy Baptiste Castellano Delacroix Eastwood Fitzgerald Gutierrez Hutchinson Ingram Jefferson Kowalski "
    "Lindquist McAllister Nakamura Okafor Pendleton Quintana Rosenbaum Sorensen Tran Underwood Vandenberg Whitaker",
}
STREETS = {
    "de": ["Lindenstr.", "Am Mühlbach", "Bahnhofstraße", "Goetheweg", "Kirchplatz", "Schillerallee", "Hauptstraße",
           "An der Eiche", "Birkenring", "Im Winkel", "Untere Gasse", "Marktstr."],
    "fr": ["rue des Lilas", "avenue Victor-Hugo", "bd Voltaire", "impasse du Moulin", "chemin des Vignes",
           "place de l'Église", "allée des Tilleuls", "quai de Bercy", "cours Gambetta", "route de Lyon"],
    "es": ["C/ Mayor", "Calle de Alcalá", "Avda. de la Constitución", "Plaza del Carmen", "Paseo de Gracia",
           "Camino Viejo", "Ronda de Toledo", "Travesía del Horno", "Ctra. de Burgos", "C. Real"],
    "gb": ["Acacia Avenue", "High Street", "Church Lane", "Mill Road", "The Crescent", "Victoria Terrace",
           "Orchard Close", "Castle Hill", "Station Rd", "Queen's Gardens", "Abbey Mews", "Kingsway"],
    "us": ["Maple St", "Old Mill Rd", "N Lincoln Ave", "Sunset Blvd", "County Road 12", "Oak Ridge Dr", "E 42nd St",
           "Elm Ct", "Cedar Pkwy", "Willow Ln", "US Highway 9", "Park Pl"],
}  # fmt: skip
PLACES = {
    "de": ["80331 München", "20095 Hamburg", "04109 Leipzig", "50667 Köln", "99084 Erfurt"],
    "fr": ["75011 Paris", "69003 Lyon", "13006 Marseille", "31000 Toulouse", "06000 Nice"],
    "es": ["28013 Madrid", "08002 Barcelona", "41001 Sevilla", "46002 Valencia", "50003 Zaragoza"],
    "gb": ["Leeds LS1 4AP", "London SW1A 2AA", "Bath BA1 5LS", "York YO1 7HH", "Cardiff CF10 1EP"],
    "us": ["Austin, TX 78701", "Boston, MA 02108", "Denver, CO 80202", "Miami, FL 33130", "Boise, ID 83702-1234"],
}
TITLES = {
    "de": ["Dr.", "Prof. Dr.", "Herr", "Frau"],
    "fr": ["M.", "Mme", "Dr", "Mlle"],
    "es": ["D.", "Dña.", "Sr.", "Sra."],
    "gb": ["Mr", "Mrs", "Dr", "Sir"],
    "us": ["Mr.", "Ms.", "Dr.", "Rev."],
}
MAIL = {
    "de": ["web.de", "gmx.de", "t-online.de", "kanzlei-nord.de"],
    "fr": ["orange.fr", "laposte.net", "free.fr", "cabinet-sud.fr"],
    "es": ["telefonica.net", "correo.es", "uv.es", "clinica-sol.es"],
    "gb": ["btinternet.com", "sky.co.uk", "nhs.net", "ox.ac.uk"],
    "us": ["comcast.net", "yahoo.com", "state.tx.us", "mit.edu"],
}
