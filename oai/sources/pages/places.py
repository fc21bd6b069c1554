"""Places of publication: how they are written, and those that need no cue to be one.

An imprint mostly marks its place with a colon. Where it does not ("New York. Vintage. 1965"),
a word is a place if it has the shape of one ("Halifax, NS") or is a city where much is printed.
"""

import re

_CITIES = """
Aarhus|Aberdeen|Abingdon|Abuja|Accra|Addis Ababa|Adelaide|Albany|Amsterdam|Ann Arbor|Antwerp|Arlington
|Athens|Atlanta|Auckland|Austin|Baltimore|Bangkok|Barcelona|Basel|Basingstoke|Beijing|Belfast|Belgrade
|Berkeley|Berlin|Bern|Berne|Bielefeld|Birmingham|Bloomington|Bogotá|Bogota|Bologna|Bonn|Boston|Boulder
|Bradford|Bratislava|Brighton|Brisbane|Bristol|Brussels|Bucharest|Budapest|Buenos Aires|Cairo|Cambridge
|Canberra|Cape Town|Caracas|Cardiff|Cham|Chapel Hill|Charlottesville|Chicago|Christchurch|Cleveland
|Colombo|Columbus|Copenhagen|Cork|Dakar|Dallas|Delhi|Denver|Detroit|Dordrecht|Dublin|Dundee|Durham
|Edinburgh|Edmonton|Essen|Exeter|Farnham|Florence|Frankfurt|Frankfurt am Main|Freiburg|Geneva|Genève|Ghent
|Glasgow|Gothenburg|Göttingen|Guatemala City|Hague|The Hague|Den Haag|Halifax|Hamburg|Hamilton|Hanoi|Harare
|Harmondsworth|Heidelberg|Helsinki|Hobart|Hong Kong|Honolulu|Houston|Hull|Indianapolis|Islamabad|Istanbul
|Ithaca|Jakarta|Jerusalem|Johannesburg|Kampala|Karachi|Kathmandu|Kingston|Köln|Cologne|Kuala Lumpur|Kyiv
|Lagos|Lancaster|Lausanne|Leeds|Leicester|Leiden|Leipzig|Leuven|Lexington|Lima|Lincoln|Lisbon|Lisboa
|Liverpool|Ljubljana|London|Los Angeles|Lund|Lyon|Madison|Madrid|Manchester|Manila|Maputo|Marburg|Melbourne
|Mexico City|México|Miami|Milan|Milano|Milwaukee|Minneapolis|Montreal|Montréal|Moscow|Mumbai|Munich|München
|Münster|Nairobi|Nashville|New Brunswick|New Delhi|New Haven|New Orleans|New York|New York City|Newark
|Newcastle|Nicosia|Nottingham|Oakland|Oslo|Ottawa|Oxford|Oxon|Palo Alto|Paris|Perth|Philadelphia|Phoenix
|Pittsburgh|Port of Spain|Portland|Porto|Prague|Pretoria|Princeton|Providence|Quebec|Québec|Quito|Reading
|Regina|Reykjavik|Riga|Rio de Janeiro|Rochester|Roma|Rome|Rotterdam|Sacramento|San Diego|San Francisco
|San José|San Jose|San Juan|San Salvador|Santa Barbara|Santa Monica|Santiago|Santiago de Chile|São Paulo
|Sarajevo|Seattle|Seoul|Sheffield|Singapore|Skopje|Sofia|Southampton|Stanford|Stockholm|Stuttgart|Sydney
|Taipei|Tallinn|Tampa|Tbilisi|Tehran|Tel Aviv|Thousand Oaks|Tirana|Tokyo|Toronto|Trenton|Tübingen|Tucson
|Tunis|Turin|Uppsala|Utrecht|Valletta|Vancouver|Vienna|Vilnius|Warsaw|Washington|Wellington|Wien
|Wiesbaden|Williamsburg|Windhoek|Winnipeg|York|Zagreb|Zurich|Zürich"""
CITIES = frozenset(name.strip().casefold() for name in _CITIES.replace("\n", "").split("|"))

REGIONS = frozenset(
    """al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm
        ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc calif mass conn ill ab bc mb nb
        nl ns nt nu on pe qc sk yt nsw vic qld sa tas act uk usa us eu nz swit swiss england
        scotland wales ireland australia canada germany france italy spain switzerland netherlands
        belgium austria sweden norway denmark finland poland portugal greece india japan china
        brazil mexico kenya nigeria ghana uganda tanzania zambia zimbabwe ethiopia pakistan
        bangladesh nepal thailand vietnam cambodia indonesia malaysia philippines israel turkey
        egypt morocco tunisia peru chile colombia argentina guatemala honduras jamaica lebanon
        jordan ukraine russia georgia serbia croatia kosovo albania malta cyprus iceland luxembourg
        liechtenstein monaco estonia latvia lithuania belarus moldova romania bulgaria slovenia
        slovakia czechia hungary armenia azerbaijan kazakhstan uzbekistan mongolia afghanistan iran
        iraq syria yemen oman qatar kuwait bahrain algeria libya sudan senegal mali niger chad
        cameroon gabon rwanda burundi malawi mozambique angola namibia botswana lesotho eswatini
        madagascar mauritius benin togo liberia gambia cuba haiti barbados bahamas belize panama
        nicaragua ecuador bolivia paraguay uruguay venezuela guyana suriname fiji samoa tonga
        vanuatu myanmar laos brunei singapore taiwan maldives bhutan macedonia montenegro bosnia
        alberta manitoba ontario quebec québec saskatchewan queensland victoria tasmania""".split()
) | {
    "new zealand",
    "south africa",
    "united kingdom",
    "united states",
    "sri lanka",
    "el salvador",
    "costa rica",
}
"""Regions and countries as they follow a city: "Halifax, NS"."""

_JOINING = frozenset("de del della di la le les am an der den of on upon the do dos da sur und and s".split())
_MOST_WORDS, _LONGEST = 6, 60


def is_known(text: str) -> bool:
    """Whether *text* is a place by itself: "New York", "NY", "Washington, DC", "The Hague"."""
    parts = [
        part.strip(" []()").replace(".", "") for part in text.casefold().replace(" dc", ", dc").split(",")
    ]
    parts = [part for part in parts if part]
    if not parts:
        return False
    if parts[0] in CITIES:
        return all(part in REGIONS or part in CITIES for part in parts[1:])
    if len(parts) == 1:
        return parts[0] in REGIONS and (len(parts[0]) > 3 or text.strip(" .").replace(".", "").isupper())  # noqa: PLR2004
    return all(part in REGIONS for part in parts[1:]) and has_shape(text)


def has_shape(text: str) -> bool:
    """Whether *text*, printed where a place is expected, can be one: "Chapel Rise, NC"."""
    words = [word.strip("[]().'’") for word in re.split(r"[ ,/&-]+", text.strip())]
    if len(text) > _LONGEST or not 0 < len(words) <= _MOST_WORDS or words[0] in _JOINING:
        return False
    return all(
        word in _JOINING
        or (word[:1].isupper() and word.replace("’", "").replace("'", "").replace(".", "").isalpha())
        for word in words
    )
