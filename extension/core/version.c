/*
 * version.c
 *		Ranges of versions, and which version each kind of message belongs to; see version.h.
 */
#include "core/version.h"

VersionRange
version_range_own(void)
{
	return (VersionRange){VERSION_OLDEST, VERSION_NEWEST};
}

bool
version_range_is_valid(VersionRange range)
{
	return range.oldest >= VERSION_FIRST && range.oldest <= range.newest;
}

bool
version_is_read(VersionRange range, ClusterVersion version)
{
	return range.oldest <= version && version <= range.newest;
}

ClusterVersion
version_of_message(MessageKind kind)
{
	return kind == MESSAGE_REPAIR_ASK || kind == MESSAGE_REPAIR ? VERSION_LOG_REPAIR
																: VERSION_FIRST;
}
