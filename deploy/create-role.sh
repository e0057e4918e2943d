#!/bin/sh
# Runs once, when the database is initialised: the role of the application, which is no superuser, and its database; `ginja features verify` creates scratch databases.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set password="$APPLICATION_PASSWORD" <<'SQL'
CREATE ROLE ginja LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE ginja OWNER ginja;
SQL
