/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/rpc_options.pb-c.h - what protoc-c makes every .proto include that imports
 * groundwork/rpc_options.proto. The options are for the generator of stubs; there is nothing in
 * them for C.
 */
