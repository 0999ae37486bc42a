#!/usr/bin/env bash
# A word that is split.
file=$1
rm $file
