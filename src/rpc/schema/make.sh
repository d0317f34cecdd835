#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes of NAME.proto its messages and stubs: NAME.pb-c.[ch], NAME.rpc.[ch], and NAME.set, which says what is in it.
#
#   sh make.sh PROTOC PROTOC_C GW_RPC_GEN INCLUDE_DIR OUT_DIR NAME.proto

set -eu
protoc=$1 protoc_c=$2 gen=$3 include=$4 out=$5 input=$6
folder=$(dirname "$input")
set=$out/$(basename "$input" .proto).set

"$protoc_c" --c_out="$out" -I"$folder" -I"$include" "$input"
"$protoc" --include_imports --descriptor_set_out="$set" -I"$folder" -I"$include" "$input"
"$gen" --out "$out" "$set"
