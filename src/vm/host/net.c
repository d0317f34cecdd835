/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

int vm_net_open(struct vm_net **net, const char *what, struct gw_error *error)
{
	static const char tap[] = "tap:";

	if (strcmp(what, "user") == 0)
		return vm_net_open_user(net, error);
	if (strncmp(what, tap, sizeof(tap) - 1) == 0 && what[sizeof(tap) - 1])
		return vm_net_open_tap(net, what + sizeof(tap) - 1, error);
	return gw_fail(error, GW_E_INVALID, "network %s: neither user nor tap:NAME", what);
}

void vm_net_close(struct vm_net *net)
{
	if (net)
		net->kind->free(net);
}
