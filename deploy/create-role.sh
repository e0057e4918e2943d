#!/bin/sh
# Runs once, when the database is initialised: the owner of the database, which is no superuser and creates scratch databases for `ginja features verify`, and the role of requests, which owns nothing.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set password="$APPLICATION_PASSWORD" --set api_password="$API_PASSWORD" <<'SQL'
CREATE ROLE ginja LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE ROLE ginja_api LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'api_password';
GRANT ginja_api TO ginja;
CREATE DATABASE ginja OWNER ginja;
SQL
