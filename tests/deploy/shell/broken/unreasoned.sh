#!/usr/bin/env bash
# An exception that nobody explains.
files=$1
# shellcheck disable=SC2086
rm $files
