/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - see tls.h. */
#include "cli/tls.h"

int cli_tls(const struct gw_rpc_tls_options *options, bool insecure, struct gw_rpc_tls **tls,
	    struct gw_error *error)
{
	if (!options->ca && !options->certificate && !options->key && !options->server_role)
		return 0;
	if (!options->ca || !options->certificate || !options->key)
		return gw_fail(error, GW_E_USAGE, "TLS takes --ca, --cert and --key");
	if (insecure)
		return gw_fail(error, GW_E_USAGE, "--insecure and TLS are one or the other");
	return gw_rpc_tls_new(tls, options, error);
}
