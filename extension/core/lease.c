/*
 * lease.c
 *		Grants between two nodes; see lease.h.  Pure: every time is given by the caller.
 */
#include "core/lease.h"

#include "core/core_assert.h"

TimeUs
lease_stretch(TimeUs us, uint32_t clock_drift_ppm)
{
	CORE_ASSERT(us >= 0);
	CORE_ASSERT(us <= LEASE_GRANT_US_MAX * 2);
	return us + (us * (TimeUs) clock_drift_ppm + 999999) / 1000000;
}

bool
grant_given_is_valid(const GrantGiven *given, TimeUs now)
{
	return given->number != 0 && now < given->bound_until_us;
}

uint64_t
grant_given_number(const GrantGiven *given, TimeUs now)
{
	return grant_given_is_valid(given, now) ? given->number : 0;
}

bool
grant_given_renew(GrantGiven *given, uint64_t next_number, TimeUs request_sent_us,
				  TimeUs bound_until_us, TimeUs now)
{
	bool renumber = !grant_given_is_valid(given, now);

	CORE_ASSERT(bound_until_us > now);
	CORE_INVARIANT("I8", next_number > given->number);
#ifdef MUTANT_REVIVED_GRANT
	renumber = given->number == 0;
#endif
	if (renumber)
		given->number = next_number;
	if (renumber || bound_until_us > given->bound_until_us)
		given->bound_until_us = bound_until_us;
	given->request_sent_us = request_sent_us;
	given->lapse_noticed = false;
	CORE_ASSERT(grant_given_is_valid(given, now));
	return renumber;
}

void
grant_given_void(GrantGiven *given)
{
	given->number = 0;
	given->bound_until_us = 0;
	given->request_sent_us = 0;
}

bool
grant_given_restart(GrantGiven *given, TimeUs trusted_us, TimeUs bound_until_us)
{
	CORE_ASSERT(bound_until_us >= trusted_us);
	if (!grant_given_is_valid(given, trusted_us))
		return false;
	if (bound_until_us > given->bound_until_us)
		given->bound_until_us = bound_until_us;
	return true;
}

uint64_t
grant_held_number(const GrantHeld *held, TimeUs now)
{
	return now < held->until_us ? held->number : 0;
}

bool
grant_held_take(GrantHeld *held, uint64_t number, TimeUs until_us, TimeUs now)
{
	uint64_t before = grant_held_number(held, now);

	CORE_ASSERT(number != 0);
	/* Numbers of one giver only grow; an older one comes from a heartbeat that was overtaken. */
	if (number < held->number || until_us <= now)
		return false;
	if (number > held->number || until_us > held->until_us)
		held->until_us = until_us;
	held->number = number;
	held->lapse_noticed = false;
	return grant_held_number(held, now) != before;
}

void
grant_held_void(GrantHeld *held)
{
	held->until_us = 0;
}
