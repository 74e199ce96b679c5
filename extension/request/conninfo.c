/*
 * conninfo.c
 *		Which connection strings a node can be reached by; see conninfo.h.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "libpq-fe.h"

#include "request/conninfo.h"

/* A host that libpq can use without asking a name server: an address, or a directory of sockets. */
static bool
host_needs_no_lookup(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return host[0] == '\0' || host[0] == '/' || host[0] == '@' ||
		   inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Every host of a comma-separated list. */
static bool
hosts_need_no_lookup(const char *list)
{
	char *copy = pstrdup(list);
	char *rest = copy;
	char *host;

	while ((host = strsep(&rest, ",")) != NULL)
	{
		if (!host_needs_no_lookup(host))
			return false;
	}
	pfree(copy);
	return true;
}

bool
conninfo_is_usable(const char *conninfo, char **reason)
{
	char *parse_error = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &parse_error);
	const char *host = NULL;
	const char *hostaddr = NULL;
	bool has_password = false;

	if (options == NULL)
	{
		*reason = pchomp(parse_error != NULL ? parse_error : "out of memory");
		PQfreemem(parse_error);
		return false;
	}
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		if (strcmp(option->keyword, "host") == 0)
			host = option->val;
		else if (strcmp(option->keyword, "hostaddr") == 0)
			hostaddr = option->val;
		else if (strcmp(option->keyword, "password") == 0)
			has_password = option->val != NULL;
	}
	*reason = NULL;
	if (has_password)
		*reason = pstrdup(
			"the views show connection strings; put the password into a file and set passfile");
	else if ((hostaddr == NULL || hostaddr[0] == '\0') && host != NULL &&
			 !hosts_need_no_lookup(host))
		*reason = psprintf("host name \"%s\" would have to be looked up; set hostaddr", host);
	PQconninfoFree(options);
	return *reason == NULL;
}
