-- The logins of collector and pages with passwords for a first look (compose.yaml); `octet fleet init` gives them their rights.
CREATE ROLE octet_ingest LOGIN PASSWORD 'look';
CREATE ROLE octet_reader LOGIN PASSWORD 'look';
