"""The grammar and the rules beside it: what they take, what they refuse, and that no schema is stricter."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import oai.formats
from oai.conformance import GRAMMAR, problems_in
from tests import validation

XSI = "http://www.w3.org/2001/XMLSchema-instance"
OAI = "http://www.openarchives.org/OAI/2.0/"
LOCATED = f'xsi:schemaLocation="{OAI} {OAI}OAI-PMH.xsd"'
DC_LOCATED = f'xsi:schemaLocation="{OAI}oai_dc/ {OAI}oai_dc.xsd"'
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def response(arguments: str, *answer: str) -> bytes:
    """Return a response to a request with *arguments*, in the form that the specification prints."""
    return f"""{DECLARATION}<OAI-PMH xmlns="{OAI}"
         xmlns:xsi="{XSI}"
         {LOCATED}>
  <responseDate>2002-02-08T12:00:01Z</responseDate>
  <request{arguments}>http://library.example.org/oai</request>
  {"".join(answer)}
</OAI-PMH>
""".encode()


def header(number: int, *set_specs: str, stamp: str = "2001-12-14T08:30:00Z", status: str = "") -> str:
    """Return the header of a record."""
    specs = "".join(f"<setSpec>{spec}</setSpec>" for spec in set_specs)
    return f"""<header{status}>
      <identifier>oai:library.example.org:report-{number}</identifier>
      <datestamp>{stamp}</datestamp>
      {specs}
    </header>"""


DELETED = ' status="deleted"'

DC = f"""<metadata>
      <oai_dc:dc xmlns:oai_dc="{OAI}oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"
                 {DC_LOCATED}>
        <dc:title xml:lang="en">Opera Minora &amp; other &lt;tales&gt;</dc:title>
        <dc:creator>Cornelius, Nepos</dc:creator>
        <dc:date>1999-05</dc:date>
        <dc:identifier>http://library.example.org/records/report-1</dc:identifier>
      </oai_dc:dc>
    </metadata>"""

QDC = f"""<metadata>
      <oai_qdc:qualifieddc xmlns:oai_qdc="{validation.QDC}" xmlns:dc="http://purl.org/dc/elements/1.1/"
          xmlns:dcterms="http://purl.org/dc/terms/"
          xsi:schemaLocation="{validation.QDC} {validation.QDC_SCHEMA}">
        <dc:title xml:lang="en-GB">Opera Minora</dc:title>
        <dcterms:alternative>Lesser Works</dcterms:alternative>
        <dcterms:abstract/>
        <dcterms:issued xsi:type="dcterms:W3CDTF">1999-05</dcterms:issued>
        <dcterms:modified xsi:type="dcterms:W3CDTF">1999-05-06T07:08:09+10:00</dcterms:modified>
        <dc:type xsi:type="dcterms:DCMIType">Text</dc:type>
        <dc:identifier xsi:type="dcterms:URI">https://doi.org/10.1000/1</dc:identifier>
        <dc:language xsi:type="dcterms:ISO639-3">eng</dc:language>
        <dc:subject xsi:type="dcterms:LCSH">Children</dc:subject>
        <dcterms:language xsi:type="dcterms:RFC4646">en-AU</dcterms:language>
      </oai_qdc:qualifieddc>
    </metadata>"""

ABOUT = f"""<about>
      <provenance xmlns="{OAI}provenance"
                  xsi:schemaLocation="{OAI}provenance {OAI}provenance.xsd">
        <originDescription harvestDate="2002-01-01T11:10:01Z" altered="true">
          <baseURL>http://archive.example.com/oai</baseURL>
          <identifier>oai:archive.example.com:klik001</identifier>
          <datestamp>2001-12-01</datestamp>
          <metadataNamespace>{OAI}oai_dc/</metadataNamespace>
          <originDescription harvestDate="2001-12-30T01:02:03Z" altered="false">
            <baseURL>http://first.example.net/oai</baseURL>
            <identifier>oai:first.example.net:9</identifier>
            <datestamp>2001-11-30T08:00:00Z</datestamp>
            <metadataNamespace>{OAI}oai_dc/</metadataNamespace>
          </originDescription>
        </originDescription>
      </provenance>
    </about>
    <about>
      <rights xmlns="{OAI}rights/" xsi:schemaLocation="{OAI}rights/ {OAI}rights.xsd">
        <rightsReference ref="http://creativecommons.org/publicdomain/zero/1.0/"/>
      </rights>
    </about>"""


def record(number: int, *set_specs: str, inside: str = DC, stamp: str = "2001-12-14T08:30:00Z") -> str:
    """Return a live record."""
    return f"<record>{header(number, *set_specs, stamp=stamp)}{inside}</record>"


def deleted(number: int, *set_specs: str) -> str:
    """Return a deleted record."""
    return f"<record>{header(number, *set_specs, status=DELETED)}</record>"


def described(inside: str) -> str:
    """Return a description container of Identify."""
    return f"<description>{inside}</description>"


OAI_IDENTIFIER = f"""<oai-identifier xmlns="{OAI}oai-identifier"
        xsi:schemaLocation="{OAI}oai-identifier {OAI}oai-identifier.xsd">
      <scheme>oai</scheme>
      <repositoryIdentifier>library.example.org</repositoryIdentifier>
      <delimiter>:</delimiter>
      <sampleIdentifier>oai:library.example.org:report-1</sampleIdentifier>
    </oai-identifier>"""
EPRINTS_NAMESPACE = "http://www.openarchives.org/OAI/1.1/eprints"
EPRINTS = f"""<eprints xmlns="{EPRINTS_NAMESPACE}"
        xsi:schemaLocation="{EPRINTS_NAMESPACE} {EPRINTS_NAMESPACE}.xsd">
      <content><text>Reports</text><URL>http://library.example.org/about</URL></content>
      <metadataPolicy><text>Free</text></metadataPolicy>
      <dataPolicy/>
      <submissionPolicy><URL>http://library.example.org/submit</URL></submissionPolicy>
      <comment>Nothing else</comment>
    </eprints>"""
FRIENDS = f"""<friends xmlns="{OAI}friends/" xsi:schemaLocation="{OAI}friends/ {OAI}friends.xsd">
      <baseURL>http://archive.example.com/oai</baseURL>
      <baseURL>https://first.example.net</baseURL>
    </friends>"""
BRANDING = f"""<branding xmlns="{OAI}branding/" xsi:schemaLocation="{OAI}branding/ {OAI}branding.xsd">
      <collectionIcon>
        <url>http://library.example.org/icon.png</url>
        <link>http://library.example.org/</link>
        <title>The library</title>
        <width>88</width>
        <height>31</height>
      </collectionIcon>
      <metadataRendering metadataNamespace="{OAI}oai_dc/" mimeType="text/css"
        >http://library.example.org/dc.css</metadataRendering>
    </branding>"""
RIGHTS_MANIFEST = f"""<rightsManifest xmlns="{OAI}rights/" appliesTo="{OAI}entity#metadata"
        xsi:schemaLocation="{OAI}rights/ {OAI}rightsManifest.xsd">
      <rights><rightsReference ref="http://creativecommons.org/publicdomain/zero/1.0/"/></rights>
      <rights><rightsDefinition>
        <oai_dc:dc xmlns:oai_dc="{OAI}oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"
            {DC_LOCATED}><dc:rights>Ours</dc:rights></oai_dc:dc>
      </rightsDefinition></rights>
    </rightsManifest>"""


def identify(earliest: str, granularity: str, *descriptions: str) -> bytes:
    """Return an answer to Identify."""
    return response(
        ' verb="Identify"',
        f"""<Identify>
    <repositoryName>Open Access Library</repositoryName>
    <baseURL>http://library.example.org/oai</baseURL>
    <protocolVersion>2.0</protocolVersion>
    <adminEmail>somebody@library.example.org</adminEmail>
    <adminEmail>any.body+else@xn--bcher-kva.example</adminEmail>
    <earliestDatestamp>{earliest}</earliestDatestamp>
    <deletedRecord>persistent</deletedRecord>
    <granularity>{granularity}</granularity>
    <compression>gzip</compression>
    <compression>deflate</compression>
    {"".join(map(described, descriptions))}
  </Identify>""",
    )


def metadata_format(prefix: str, schema: str, namespace: str) -> str:
    """Return one entry of ListMetadataFormats."""
    return f"""<metadataFormat><metadataPrefix>{prefix}</metadataPrefix>
      <schema>{schema}</schema>
      <metadataNamespace>{namespace}</metadataNamespace></metadataFormat>"""


OAI_DC_FORMAT = metadata_format("oai_dc", f"{OAI}oai_dc.xsd", f"{OAI}oai_dc/")
QDC_FORMAT = metadata_format("oai_qdc", validation.QDC_SCHEMA, validation.QDC)
SECONDS = "YYYY-MM-DDThh:mm:ssZ"
RECORD_ARGUMENTS = ' verb="GetRecord" identifier="oai:library.example.org:report-1" metadataPrefix='
LIST_ARGUMENTS = ' verb="ListRecords" metadataPrefix="oai_dc"'
LATER_ARGUMENTS = ' verb="ListRecords" resumptionToken="eyJhIjoxfQ.x-_~"'
SET_DESCRIPTION = f"""<setDescription>
        <oai_dc:dc xmlns:oai_dc="{OAI}oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"
            {DC_LOCATED}><dc:description>Everything</dc:description></oai_dc:dc>
      </setDescription>"""
SETS = f"""<set><setSpec>tag</setSpec><setName>Tags</setName>{SET_DESCRIPTION}
      <setDescription>{BRANDING}</setDescription></set>
    <set><setSpec>tag:a-b_c.d!e~f*g'h(i)</setSpec><setName>Odd</setName></set>"""

GOOD = {
    "Identify": identify(
        "1990-02-01T12:00:00Z", SECONDS, EPRINTS, OAI_IDENTIFIER, FRIENDS, BRANDING, RIGHTS_MANIFEST
    ),
    "Identify by the day": identify("1990-02-01", "YYYY-MM-DD"),
    "ListMetadataFormats": response(
        ' verb="ListMetadataFormats"',
        f"<ListMetadataFormats>{OAI_DC_FORMAT}{QDC_FORMAT}</ListMetadataFormats>",
    ),
    "ListMetadataFormats of an item": response(
        ' verb="ListMetadataFormats" identifier="oai:library.example.org:report-1"',
        f"<ListMetadataFormats>{QDC_FORMAT}</ListMetadataFormats>",
    ),
    "ListSets": response(' verb="ListSets"', f"<ListSets>{SETS}</ListSets>"),
    "ListSets, continued": response(
        ' verb="ListSets" resumptionToken="t1"',
        f'<ListSets>{SETS}<resumptionToken cursor="2" completeListSize="4"/></ListSets>',
    ),
    "GetRecord": response(
        f'{RECORD_ARGUMENTS}"oai_dc"',
        "<GetRecord>",
        record(1, "tag:a", "tag:b", inside=DC + ABOUT),
        "</GetRecord>",
    ),
    "GetRecord, deleted": response(
        f'{RECORD_ARGUMENTS}"oai_dc"', "<GetRecord>", deleted(1, "tag:a"), "</GetRecord>"
    ),
    "GetRecord, qualified": response(
        f'{RECORD_ARGUMENTS}"oai_qdc"', "<GetRecord>", record(1, inside=QDC), "</GetRecord>"
    ),
    "ListIdentifiers": response(
        ' verb="ListIdentifiers" from="2001-01-01" until="2001-12-14" metadataPrefix="oai_dc" set="tag"',
        "<ListIdentifiers>",
        header(1, "tag:a", "section:b"),
        header(2, "tag", status=DELETED),
        '<resumptionToken expirationDate="2002-02-08T23:20:00Z" completeListSize="6" cursor="0"',
        ">eyJhIjoxfQ.x-_~</resumptionToken></ListIdentifiers>",
    ),
    "ListRecords": response(
        LIST_ARGUMENTS, "<ListRecords>", record(1), deleted(2, "tag:a"), "</ListRecords>"
    ),
    "ListRecords by the day": response(
        ' verb="ListRecords" metadataPrefix="oai_dc" from="2001-12-14" until="2001-12-14"',
        "<ListRecords>",
        record(1, stamp="2001-12-14"),
        record(2, stamp="2001-12-14"),
        "</ListRecords>",
    ),
    "ListRecords by the second": response(
        f'{LIST_ARGUMENTS} from="2001-12-14T08:30:00Z" until="2001-12-14T08:30:00Z"',
        "<ListRecords>",
        record(1),
        "<resumptionToken>t2</resumptionToken></ListRecords>",
    ),
    "ListRecords, continued": response(
        LATER_ARGUMENTS,
        "<ListRecords>",
        record(3),
        deleted(4),
        '<resumptionToken completeListSize="6" cursor="2">t3</resumptionToken></ListRecords>',
    ),
    "ListRecords, ended": response(
        LATER_ARGUMENTS,
        "<ListRecords>",
        record(5),
        record(6),
        '<resumptionToken completeListSize="6" cursor="4"/></ListRecords>',
    ),
    "badVerb": response("", '<error code="badVerb">Illegal verb</error>'),
    "badArgument": response(
        "",
        '<error code="badArgument">metadataPrefix is missing</error>',
        '<error code="badArgument">from is not a date</error>',
    ),
    "idDoesNotExist": response(
        f'{RECORD_ARGUMENTS}"nonesuch"',
        '<error code="idDoesNotExist">No such item</error>',
        '<error code="cannotDisseminateFormat">No such format</error>',
    ),
    "noMetadataFormats": response(
        ' verb="ListMetadataFormats" identifier="oai:library.example.org:report-1"',
        '<error code="noMetadataFormats">None</error>',
    ),
    "noRecordsMatch": response(
        ' verb="ListRecords" from="2001-12-15" set="tag:none" metadataPrefix="oai_dc"',
        '<error code="noRecordsMatch">Nothing</error>',
    ),
    "noSetHierarchy": response(' verb="ListSets"', '<error code="noSetHierarchy">There are no sets</error>'),
    "badResumptionToken": response(
        ' verb="ListIdentifiers" resumptionToken="junk &quot;&lt;"',
        '<error code="badResumptionToken">Never issued</error>',
    ),
}

# A good response, what of it is replaced, by what, and what the problem must say.
BROKEN = [
    # bytes (§3.2)
    ("badVerb", DECLARATION, "", "must begin with"),
    ("badVerb", DECLARATION, " " + DECLARATION, "not well-formed"),
    ("badVerb", DECLARATION, "\ufeff" + DECLARATION, "byte order mark"),
    ("badVerb", 'encoding="UTF-8"', 'encoding="ISO-8859-1"', "must begin with"),
    ("badVerb", ' encoding="UTF-8"', "", "must begin with"),
    ("badVerb", 'version="1.0"', 'version="1.1"', "must begin with"),
    ("badVerb", "<OAI-PMH", "<!DOCTYPE OAI-PMH>\n<OAI-PMH", "document type"),
    ("badVerb", "<OAI-PMH", '<!DOCTYPE a [<!ENTITY e "x">]>\n<OAI-PMH', "document type"),
    ("badVerb", "Illegal verb", "Illegal&nbsp;verb", "not well-formed"),
    ("badVerb", "Illegal verb", "Illegal & verb", "not well-formed"),
    ("badVerb", "Illegal verb", "Illegal \x0b verb", "not well-formed"),
    ("badVerb", "Illegal verb", "Illegal &#0; verb", "not well-formed"),
    ("badVerb", "</OAI-PMH>", "", "not well-formed"),
    ("badVerb", "</OAI-PMH>", "</OAI-PMH><more/>", "not well-formed"),
    # envelope (§3.2)
    ("badVerb", f'xmlns="{OAI}"', 'xmlns="http://www.openarchives.org/OAI/1.1/"', "namespace"),
    ("badVerb", f'xmlns="{OAI}"', 'xmlns="https://www.openarchives.org/OAI/2.0/"', "namespace"),
    ("badVerb", "OAI-PMH", "OAI-pmh", "the root is OAI-pmh"),
    ("badVerb", LOCATED, "", "xsi:schemaLocation of OAI-PMH"),
    ("badVerb", f"{OAI}OAI-PMH.xsd", "https://example.org/OAI-PMH.xsd", "xsi:schemaLocation of OAI-PMH"),
    ("badVerb", "  <responseDate>2002-02-08T12:00:01Z</responseDate>\n", "", "responseDate"),
    ("badVerb", "12:00:01Z", "12:00:01.5Z", "responseDate '2002-02-08T12:00:01.5Z'"),
    ("badVerb", "12:00:01Z", "12:00:01+01:00", "responseDate '2002-02-08T12:00:01+01:00'"),
    ("badVerb", "12:00:01Z", "12:00:01", "responseDate '2002-02-08T12:00:01'"),
    ("badVerb", "T12:00:01Z", "", "responseDate '2002-02-08'"),
    ("badVerb", "2002-02-08T", "2002-02-30T", "responseDate '2002-02-30T"),
    ("badVerb", "2002-02-08T", "2002-13-08T", "responseDate '2002-13-08T"),
    ("badVerb", "12:00:01Z", "24:00:00Z", "responseDate '2002-02-08T24:00:00Z'"),
    ("badVerb", "12:00:01Z", "23:59:60Z", "responseDate '2002-02-08T23:59:60Z'"),
    ("badVerb", "http://library.example.org/oai", "http://library.example.org/oai?verb=x", "request"),
    ("badVerb", "http://library.example.org/oai", "/oai", "request"),
    ("badVerb", "<request>http://library.example.org/oai</request>", "", "grammar"),
    ("badVerb", '<error code="badVerb">Illegal verb</error>', "", "grammar"),
    # error (§3.6)
    ("badVerb", "<request>", '<request verb="Identify">', "must have no attributes"),
    ("badArgument", "<request>", '<request verb="ListRecords">', "must have no attributes"),
    ("badVerb", 'code="badVerb"', 'code="badverb"', "grammar"),
    ("badVerb", 'code="badVerb"', 'code="badGranularity"', "grammar"),
    ("badVerb", ' code="badVerb"', "", "grammar"),
    ("badVerb", "Illegal verb", " ", "says nothing"),
    ("badVerb", "</error>", "</error><ListSets/>", "grammar"),
    ("idDoesNotExist", 'verb="GetRecord"', 'verb="Identify"', "grammar"),
    ("idDoesNotExist", "cannotDisseminateFormat", "noRecordsMatch", "grammar"),
    ("idDoesNotExist", 'identifier="oai:', 'identifier="%zz', "grammar"),
    ("noRecordsMatch", 'set="tag:none"', 'set=""', "grammar"),
    ("noRecordsMatch", 'from="2001-12-15"', 'from="2001-12"', "from '2001-12' is not a date"),
    ("noRecordsMatch", 'from="2001-12-15"', 'from="2001-12-15" page="2"', "grammar"),
    ("badResumptionToken", " resumptionToken=", ' metadataPrefix="oai_dc" resumptionToken=', "exclusive"),
    # Identify (§4.2)
    ("Identify", ' verb="Identify"', "", "the verb of request is absent"),
    ("Identify", ' verb="Identify"', ' verb="identify"', "the verb of request is identify"),
    ("Identify", ' verb="Identify"', ' verb="Identify" set="tag"', "grammar"),
    ("Identify", "Open Access Library", "", "grammar"),
    ("Identify", "<baseURL>http://library", "<baseURL>https://library", "request is http"),
    ("Identify", "<protocolVersion>2.0", "<protocolVersion>1.1", "protocolVersion"),
    ("Identify", "somebody@", "mailto:somebody@", "bare address"),
    ("Identify", "somebody@library.example.org", "Some Body &lt;a@b.org&gt;", "bare address"),
    ("Identify", "somebody@library.example.org", "somebody@localhost", "bare address"),
    ("Identify", "T12:00:00Z</earliest", "</earliest", "is not of granularity"),
    ("Identify", "1990-02-01T", "0001-01-01T", "earliestDatestamp"),
    ("Identify", f"<granularity>{SECONDS}", "<granularity>YYYY-MM-DD", "is not of granularity"),
    ("Identify", f"<granularity>{SECONDS}", "<granularity>YYYY", "granularity"),
    ("Identify", "<deletedRecord>persistent", "<deletedRecord>yes", "deletedRecord"),
    ("Identify", "<deletedRecord>persistent</deletedRecord>", "", "deletedRecord"),
    ("Identify", "<compression>deflate", "<compression>identity", "identity"),
    ("Identify", "<compression>deflate", "<compression>gzip", "2 times"),
    ("Identify", "<delimiter>:", "<delimiter>/", "delimiter"),
    ("Identify", ">oai:library.example.org:report-1<", ">oai:other.example.org:1<", "sampleIdentifier"),
    ("Identify", ">oai:library.example.org:report-1<", ">oai:library.example.org:a b<", "sampleIdentifier"),
    ("Identify", "<repositoryIdentifier>library.example.org", "<repositoryIdentifier>library", "sampleIdent"),
    ("Identify", described(FRIENDS), described(OAI_IDENTIFIER), "2 times"),
    ("Identify", described(FRIENDS), described(""), "grammar"),
    ("Identify", described(FRIENDS), described(FRIENDS + FRIENDS), "grammar"),
    ("Identify", described(FRIENDS), described("text"), "grammar"),
    ("Identify", described(FRIENDS), described("<friends/>"), "grammar"),
    ("Identify", described(FRIENDS), described('<x xmlns=""/>'), "grammar"),
    ("Identify", described(FRIENDS), described('<x xmlns="urn:x"/>'), "has no xsi:schemaLocation"),
    ("Identify", "<baseURL>https://first.example.net", "<baseURL>first", "baseURL"),
    ("Identify", "<dataPolicy/>", "", "grammar"),
    ("Identify", "<width>88", "<width>wide", "width"),
    ("Identify", 'mimeType="text/css"', 'mimeType="css"', "metadataRendering"),
    ("Identify", f' appliesTo="{OAI}entity#metadata"', "", "rightsManifest"),
    # ListMetadataFormats (§3.4, §4.4)
    ("ListMetadataFormats", OAI_DC_FORMAT, "", "oai_dc is not listed"),
    ("ListMetadataFormats", OAI_DC_FORMAT + QDC_FORMAT, "", "grammar"),
    ("ListMetadataFormats", f"{OAI}oai_dc.xsd", f"{OAI}dc.xsd", "oai_dc is"),
    ("ListMetadataFormats", f">{OAI}oai_dc/<", ">http://purl.org/dc/elements/1.1/<", "oai_dc is"),
    ("ListMetadataFormats", ">oai_qdc<", ">oai_dc<", "2 times"),
    ("ListMetadataFormats", ">oai_qdc<", ">oai qdc<", "metadataPrefix"),
    ("ListMetadataFormats", f"<schema>{validation.QDC_SCHEMA}</schema>", "", "schema"),
    # ListSets (§2.6, §4.6)
    ("ListSets", "<setSpec>tag</setSpec>", "<setSpec>tag:</setSpec>", "setSpec"),
    ("ListSets", "<setSpec>tag</setSpec>", "<setSpec>a b</setSpec>", "setSpec"),
    ("ListSets", "<setSpec>tag</setSpec>", "<setSpec>a/b</setSpec>", "setSpec"),
    ("ListSets", "<setSpec>tag</setSpec>", "<setSpec></setSpec>", "setSpec"),
    ("ListSets", "tag:a-b_c.d!e~f*g'h(i)", "tag", "2 times"),
    ("ListSets", "<setName>Odd</setName>", "", "grammar"),
    ("ListSets", "<setName>Odd<", "<setName><", "setName"),
    ("ListSets", SETS, "", "grammar"),
    ("ListSets", BRANDING, OAI_IDENTIFIER, "grammar"),
    ("ListSets", "</ListSets>", "<resumptionToken/></ListSets>", "complete list in one response"),
    ("ListSets, continued", '<resumptionToken cursor="2" completeListSize="4"/>', "", "needs an empty"),
    # record and header (§2.4, §2.5, §2.6)
    ("GetRecord", "</GetRecord>", record(2) + "</GetRecord>", "grammar"),
    ("GetRecord", "</GetRecord>", "<resumptionToken/></GetRecord>", "grammar"),
    ("GetRecord", ' metadataPrefix="oai_dc"', "", "grammar"),
    ("GetRecord", "<identifier>oai:library.example.org:report-1", "<identifier>oai:a.org:1", "asked for"),
    ("GetRecord", "<header>", '<header status="live">', "grammar"),
    ("GetRecord", "<header>", '<header status="deleted">', "grammar"),
    ("GetRecord", DC, "", "grammar"),
    ("GetRecord", DC, DC + DC, "grammar"),
    ("GetRecord", DC, "<metadata/>", "grammar"),
    ("GetRecord", DC_LOCATED, "", "no xsi:schemaLocation"),
    ("GetRecord", f"{OAI}oai_dc.xsd", "https://example.org/oai_dc.xsd", "has the schema"),
    ("GetRecord", "dc:creator", "dc:author", "grammar"),
    ("GetRecord", "dc:creator", "creator", "grammar"),
    ("GetRecord", "Cornelius, Nepos", "<b>Cornelius</b>, Nepos", "grammar"),
    ("GetRecord", 'xml:lang="en"', 'xml:lang="in English"', "title"),
    ("GetRecord", 'xml:lang="en"', 'lang="en"', "title"),
    ("GetRecord", "oai_dc:dc", "oai_dc:qualifieddc", "grammar"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>2001-12-14T08:30:00.0Z", "datestamp"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>2001-12-14T08:30:00", "datestamp"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>2001-12-14Z", "datestamp"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>2001-12-14+02:00", "datestamp"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>2001-02-29T08:30:00Z", "datestamp"),
    ("GetRecord", "<datestamp>2001-12-14T08:30:00Z", "<datestamp>", "datestamp"),
    ("GetRecord", "<setSpec>tag:b", "<setSpec>tag:a", "2 times"),
    ("GetRecord", "<setSpec>tag:b", "<setSpec>tag", "implies"),
    ("GetRecord", "<setSpec>tag:b", "<setSpec>tag::b", "setSpec"),
    ("GetRecord", ABOUT, f"<about>{OAI_IDENTIFIER}</about>", "grammar"),
    ("GetRecord", ABOUT, ABOUT + ABOUT, "more than one about with rights"),
    ("GetRecord", 'altered="true"', 'altered="yes"', "originDescription"),
    ("GetRecord", ' harvestDate="2002-01-01T11:10:01Z"', "", "originDescription"),
    ("GetRecord", "<rightsReference ref=", "<rightsReference href=", "rightsReference"),
    ("GetRecord, deleted", "</header>", "</header>" + DC, "grammar"),
    ("GetRecord, deleted", "</header>", "</header><about/>", "grammar"),
    ("GetRecord, deleted", "</header>", "</header>" + ABOUT, "grammar"),
    ("GetRecord, qualified", "dcterms:issued", "dcterms:printed", "grammar"),
    ("GetRecord, qualified", ">1999-05<", ">May 1999<", "issued"),
    ("GetRecord, qualified", ">Text<", ">Report<", "type"),
    ("GetRecord, qualified", "dcterms:RFC4646", "dcterms:ISO-8859", "language"),
    ("GetRecord, qualified", "dcterms:DCMIType", "dc:DCMIType", "is not in the namespace"),
    ("GetRecord, qualified", '"dcterms:ISO639-3"', '"dcterms:ISO639-3" xml:lang="en"', "language"),
    ("GetRecord, qualified", '"oai_qdc"', '"oai_dc"', "not oai_dc as was asked for"),
    # lists (§2.7, §3.5, §4.3, §4.5)
    ("ListRecords", "report-2", "report-1", "stands 2 times"),
    ("ListRecords", record(1) + deleted(2, "tag:a"), "", "grammar"),
    ("ListRecords", record(1) + deleted(2, "tag:a"), "<resumptionToken>t</resumptionToken>", "grammar"),
    ("ListRecords", "oai:library.example.org:report-2", "", "is not a URI"),
    ("ListRecords", "oai:library.example.org:report-2", "report-2", "is not a URI"),
    ("ListRecords", "oai:library.example.org:report-2", "urn:x y", "is not a URI"),
    ("ListRecords", "oai:library.example.org:report-2", "oai:library:report-2", "legal oai-identifier"),
    ("ListRecords", "oai:library.example.org:report-2", "oai:a.org:%c3%bc", "legal oai-identifier"),
    ("ListRecords", "oai:library.example.org:report-2", "oai:a.org:x#y", "legal oai-identifier"),
    ("ListRecords", "oai:library.example.org:report-2", "urn:x:%zz", "is not a URI"),
    ("ListRecords", 'verb="ListRecords"', 'verb="ListIdentifiers"', "the verb of request"),
    ("ListRecords", "ListRecords>", "ListIdentifiers>", "the verb of request"),
    ("ListRecords", ' metadataPrefix="oai_dc"', "", "grammar"),
    ("ListRecords", "</ListRecords>", "<resumptionToken/></ListRecords>", "complete list in one response"),
    ("ListRecords", "</ListRecords>", record(3, inside=QDC) + "</ListRecords>", "2 namespaces"),
    ("ListRecords by the day", record(2, stamp="2001-12-14"), record(2), "two granularities"),
    ("ListRecords by the day", 'until="2001-12-14"', 'until="2001-12-13"', "from is later than until"),
    ("ListRecords by the day", 'until="2001-12-14"', 'until="2001-12-14T00:00:00Z"', "differ in granularity"),
    ("ListRecords by the day", 'from="2001-12-14" until="2001-12-14"', 'from="2001-12-14T00:00:00Z"', "fine"),
    ("ListRecords by the second", 'from="2001-12-14T08:30:00Z"', 'from="2001-12-14T08:29:60Z"', "from '2001"),
    ("ListRecords by the second", "08:30:00Z</datestamp>", "08:30:01Z</datestamp>", "outside"),
    ("ListRecords by the second", "08:30:00Z</datestamp>", "08:29:59Z</datestamp>", "outside"),
    ("ListIdentifiers", "<setSpec>tag:a", "<setSpec>tags:a", "no setSpec of the set"),
    ("ListIdentifiers", 'until="2001-12-14"', 'until="2001-12-13"', "outside until"),
    ("ListIdentifiers", ' set="tag"', ' set="tag:"', "grammar"),
    ("ListIdentifiers", ' cursor="0"', ' cursor="2"', "it starts at 0"),
    ("ListIdentifiers", ' cursor="0"', ' cursor="-1"', "grammar"),
    ("ListIdentifiers", ' completeListSize="6"', ' completeListSize="0"', "grammar"),
    ("ListIdentifiers", ' completeListSize="6"', ' completeListSize="1"', "and 2 have been listed"),
    ("ListIdentifiers", ' completeListSize="6"', ' completeListSize="2"', "the list goes on"),
    ("ListIdentifiers", "2002-02-08T23:20:00Z", "2002-02-08T11:20:00Z", "not after responseDate"),
    ("ListIdentifiers", "2002-02-08T23:20:00Z", "2002-02-09", "grammar"),
    ("ListIdentifiers", "2002-02-08T23:20:00Z", "2002-02-09T01:20:00+02:00", "grammar"),
    ("ListIdentifiers", ">eyJhIjoxfQ.x-_~<", "><", "complete list in one response"),
    ("ListIdentifiers", ">eyJhIjoxfQ.x-_~<", ">\n eyJhIjoxfQ.x-_~\n<", "grammar"),
    ("ListIdentifiers", "</ListIdentifiers>", record(9) + "</ListIdentifiers>", "grammar"),
    ("ListRecords, continued", ">t3<", ">eyJhIjoxfQ.x-_~<", "would never end"),
    ("ListRecords, continued", ' cursor="2"', ' cursor="0"', "cursor is 0"),
    ("ListRecords, continued", ' verb="ListRecords"', LIST_ARGUMENTS, "exclusive"),
    ("ListRecords, ended", ' completeListSize="6"', ' completeListSize="5"', "and 6 have been listed"),
    ("ListRecords, ended", '<resumptionToken completeListSize="6" cursor="4"/>', "", "needs an empty"),
    ("ListRecords, ended", "</ListRecords>", "<resumptionToken/></ListRecords>", "grammar"),
]  # fmt: skip

NAMES = [
    "header",
    "record",
    "identifier",
    "setSpec",
    "metadata",
    "resumptionToken",
    "title",
    "dc",
    "URL",
    "x",
]
VALUES = [
    *("", " ", "a b", "%zz", "1", "-1", "true", "deleted", "oai_dc", "ListRecords"),
    *("2001-12-14", "2001-12-14T08:30:00Z", "2001-12-14T08:30:00", "2001-02-30", "oai:a.org:1", "a@b.org"),
]


def broken(name: str, old: str, new: str) -> bytes:
    """Return a good response with one thing changed, which must be there."""
    good = GOOD[name].decode()
    assert old in good
    return good.replace(old, new).encode()


@pytest.fixture
def schemas() -> Path:
    """Where the published schemas are; without them there is nothing to compare with."""
    folder = validation.schemas_folder()
    if folder is None:
        pytest.skip("the published schemas are not at hand")
    return folder


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    """A response such as the specification prints is sound, by our rules and by the schemas."""
    validation.validate(GOOD[name])


@pytest.mark.parametrize(("name", "old", "new", "says"), BROKEN)
def test_broken(name: str, old: str, new: str, says: str) -> None:
    """A response with one thing wrong is refused, and the reason is told in one line."""
    problems = problems_in(broken(name, old, new))
    assert any(says in problem for problem in problems), problems
    assert all(len(problem) <= 240 and "\n" not in problem for problem in problems)


def test_as_strict_as_the_schemas(schemas: Path) -> None:
    """Of the broken responses the schemas refuse none that we take, and take many that we refuse."""
    taken = 0
    for name, old, new, _ in BROKEN:
        body = broken(name, old, new)
        if validation.problems_by_schema(body, schemas):
            assert problems_in(body)
        else:
            taken += 1
    assert taken > 50


def mutations(body: bytes) -> Iterator[etree._Element]:
    """Yield the response with each element or attribute deleted, doubled, moved, renamed or refilled."""
    good = etree.fromstring(body)
    for element in list(good.iter("*")):
        parent = element.getparent()
        if parent is not None:
            children = list(parent)
            at = parent.index(element)
            for changed in (
                [*children[:at], *children[at + 1 :]],
                [*children[:at], copy.deepcopy(element), *children[at:]],
                [*children[at : at + 1], *children[:at], *children[at + 1 :]],
            ):
                parent[:] = changed
                yield good
            parent[:] = children
        tag, text = element.tag, element.text
        for name in NAMES:
            element.tag = f"{{{etree.QName(tag).namespace}}}{name}"
            yield good
        element.tag = tag
        for value in VALUES if not len(element) else ("x",):
            element.text = value
            yield good
        element.text = text
        attributes: dict[str | bytes, str | bytes] = dict(element.items())
        for key, held in attributes.items():
            rest = {other: attributes[other] for other in attributes if other != key}
            pairs = [(other, held) for other in NAMES] + [(str(key), value) for value in VALUES]
            for changed_attributes in (rest, *({**rest, other: value} for other, value in pairs)):
                element.attrib.clear()
                element.attrib.update(changed_attributes)
                yield good
        element.attrib.clear()
        element.attrib.update(attributes)


@pytest.mark.parametrize("name", GOOD)
def test_no_schema_is_stricter(name: str, schemas: Path) -> None:
    """Whatever one thing is changed, a response that the schemas refuse is refused by us."""
    for mutated in mutations(GOOD[name]):
        body = etree.tostring(mutated, xml_declaration=True, encoding="UTF-8")
        if not problems_in(body):
            assert not validation.problems_by_schema(body, schemas), body.decode()


@settings(deadline=None, max_examples=150)
@given(name=st.sampled_from(sorted(GOOD)), data=st.data())
def test_no_schema_is_stricter_with_any_text(name: str, data: st.DataObject) -> None:
    """Whatever text stands in any two places, a response that the schemas refuse is refused by us."""
    folder = validation.schemas_folder()
    root = etree.fromstring(GOOD[name])
    places = [element for element in root.iter("*") if not len(element)]
    text = st.sampled_from(VALUES) | st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff")
    )
    for _ in range(2):
        element = data.draw(st.sampled_from(places))
        if element.attrib and data.draw(st.booleans()):
            element.set(data.draw(st.sampled_from(sorted(map(str, element.attrib)))), data.draw(text))
        else:
            element.text = data.draw(text)
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    if not problems_in(body) and folder:
        assert not validation.problems_by_schema(body, folder)


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(sorted(GOOD)),
    at=st.integers(0, 4000),
    cut=st.integers(0, 60),
    new=st.binary(max_size=8),
)
def test_any_bytes(name: str, at: int, cut: int, new: bytes) -> None:
    """Any bytes at all are answered with problems, never with an exception."""
    good = GOOD[name]
    at = min(at, len(good))
    problems_in(good[:at] + new + good[at + cut :])
    assert problems_in(new)


def test_not_utf_8() -> None:
    """Bytes that are not UTF-8 are named with their place."""
    body = GOOD["badVerb"].replace(b"Illegal", b"Ill\xe9gal")
    assert problems_in(body) == [
        f"line 7: not UTF-8 (§3.2): invalid continuation byte at byte {body.index(0xE9)}"
    ]
    assert "UTF-16" in problems_in(GOOD["badVerb"].decode().encode("utf-16"))[0]
    assert problems_in(b"")


def test_entities_are_not_resolved(tmp_path: Path) -> None:
    """Neither a file outside nor a tower of entities gets in by a document type."""
    (tmp_path / "secret").write_text("secret")
    outside = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{(tmp_path / "secret").as_uri()}">]>\n<OAI-PMH'
    tower = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(20))
    for document_type in (outside, f'<!DOCTYPE a [<!ENTITY e0 "x">{tower}<!ENTITY e "&e20;">]>\n<OAI-PMH'):
        body = broken("badVerb", "<OAI-PMH", document_type).replace(b"Illegal verb", b"&e;")
        assert len(problems_in(body)) == 1


def test_unknown_namespaces_pass() -> None:
    """A format or a description of which nothing is known is let through, if it names its schema."""
    mods = '<m:mods xmlns:m="urn:m" xsi:schemaLocation="urn:m http://a.org/m.xsd"><m:t a="1">x</m:t></m:mods>'
    records = record(1, inside=f"<metadata>{mods}</metadata>")
    listed = response(' verb="ListRecords" metadataPrefix="mods"', f"<ListRecords>{records}</ListRecords>")
    validation.validate(listed, schemas=False)
    validation.validate(identify("1990-02-01", "YYYY-MM-DD", mods), schemas=False)


def test_comments_and_a_style_sheet_pass() -> None:
    """What XML lets stand anywhere changes nothing."""
    body = broken("GetRecord", "<OAI-PMH", '<?xml-stylesheet type="text/css" href="a.css"?>\n<OAI-PMH')
    validation.validate(
        body.replace(b"<setSpec>tag:a", b"<!-- one --><setSpec>tag<!-- two -->:<![CDATA[a]]>")
    )


@pytest.mark.parametrize(("name", "inside"), [("oai_dc", DC), ("oai_qdc", QDC)])
def test_format_grammars_stand_alone(name: str, inside: str) -> None:
    """The grammar of a format takes the root of a metadata part by itself, and no other."""
    folder = Path(oai.formats.__file__).parent
    grammar = etree.RelaxNG(etree.fromstring((folder / f"{name}.rng").read_bytes()))
    metadata = etree.fromstring(inside.replace("<metadata", f'<metadata xmlns:xsi="{XSI}"'))
    assert grammar.validate(metadata[0])
    assert not grammar.validate(metadata)
    etree.SubElement(metadata[0], "{http://purl.org/dc/elements/1.1/}author")
    assert not grammar.validate(metadata[0])


def test_one_whole_grammar() -> None:
    """The grammar as it ships takes what its narrowed forms take, and no part of a response."""
    assert (Path(__file__).parents[1] / "oai-pmh.rng").resolve() == GRAMMAR.resolve()
    grammar = etree.RelaxNG(etree.parse(GRAMMAR))
    for body in GOOD.values():
        root = etree.fromstring(body)
        assert grammar.validate(root), grammar.error_log
        assert not any(grammar.validate(part) for part in root.iter("*") if part is not root)
    assert not grammar.validate(etree.fromstring(broken("GetRecord", DC, "")))


def test_descriptions_stand_alone() -> None:
    """The grammar of the containers takes each of them by itself."""
    grammar = etree.RelaxNG(etree.parse(GRAMMAR.with_name("descriptions.rng")))
    for inside in (OAI_IDENTIFIER, EPRINTS, FRIENDS, BRANDING, RIGHTS_MANIFEST):
        container = etree.fromstring(f'<description xmlns:xsi="{XSI}">{inside}</description>')
        assert grammar.validate(container[0]), grammar.error_log


def test_schemas_are_required_in_continuous_integration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the schemas are missing, a developer's run goes on without them and CI's fails."""
    monkeypatch.setenv("OAI_XSD", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    validation.validate(GOOD["Identify"])
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="OAI_XSD"):
        validation.validate(GOOD["Identify"])


def test_validate_tells_all() -> None:
    """A response that is not sound is told with all its problems."""
    body = broken("GetRecord", "<setSpec>tag:b", "<setSpec>tag").replace(b"report-1<", b"report 1<")
    with pytest.raises(AssertionError, match=r"(?s)implies.*is not a URI|is not a URI.*implies"):
        validation.validate(body)


def test_schemas_are_found_by_the_catalog_alone(schemas: Path, tmp_path: Path) -> None:
    """A schema that the catalog lacks is an error, and never a request to the network."""
    catalog = (schemas / "catalog.xml").read_text(encoding="utf-8")
    poorer = catalog.replace(f'systemId="{OAI}friends.xsd"', 'systemId="urn:gone"')
    (tmp_path / "catalog.xml").write_text(poorer.replace('uri="', f'uri="{schemas}/'), encoding="utf-8")
    with pytest.raises(etree.XMLSchemaParseError):
        validation.problems_by_schema(GOOD["Identify"], tmp_path)
