#!/bin/sh
# split.sh TEXTS WORDS: makes the folder WORDS, in it for each text a file with one lower-case word per line.
set -eu

mkdir "$2"
for text in "$1"/*.txt; do
    tr -cs "[:alpha:]'" '\n' < "$text" | tr '[:upper:]' '[:lower:]' | grep . > "$2/$(basename "$text")"
done

echo "{\"metric\": \"texts\", \"value\": $(ls "$2" | wc -l)}" >> "$SUNDAE_MESSAGES"
