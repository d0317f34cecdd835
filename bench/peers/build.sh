#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds a program of this folder: `build.sh SOURCE PROGRAM`, in a folder for what is made on the way. Exit status 3:
# its compiler or library is not there.
set -eu
here=${0%/*}
source=$here/$1
program=$2

needs()
{
	for command; do
		command -v "$command" > /dev/null || exit 3
	done
}

library()
{
	needs pkg-config
	pkg-config --exists "$@" || exit 3
	flags=$(pkg-config --cflags --libs "$@")
}

# $flags is several words.
case $1 in
tasks.go | echo_net_rpc.go)
	needs go
	go build -o "$program" "$source" ;;
kv_etcd.go)
	needs go etcd
	GOPATH=/usr/share/gocode # where Debian has the client
	[ -d "$GOPATH/src/go.etcd.io/etcd/clientv3" ] || exit 3
	export GOPATH
	go build -o "$program" "$source" ;;
echo_zeromq.c)
	needs gcc
	library libzmq
	gcc -O2 "$source" -o "$program" $flags ;;
echo_tirpc.c)
	needs gcc
	library libtirpc
	gcc -O2 "$source" -o "$program" $flags ;;
echo_grpc.cc)
	needs g++ protoc grpc_cpp_plugin
	library grpc++ protobuf
	protoc -I"$here" --cpp_out=. --grpc_out=. --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" echo_grpc.proto
	g++ -O2 -std=c++17 -I. "$source" echo_grpc.pb.cc echo_grpc.grpc.pb.cc -o "$program" $flags ;;
echo_capnp.cc)
	needs g++ capnp
	library capnp-rpc
	capnp compile -oc++:. --src-prefix="$here" "$here/echo_capnp.capnp"
	g++ -O2 -std=c++17 -I. "$source" echo_capnp.capnp.c++ -o "$program" $flags ;;
*)
	exit 2 ;;
esac
