/*
 * test_core_lease.c
 *		Grants between two nodes, with every combination of drifting clocks, delays and losses that a random
 *		walk finds: what the holder counts on always ends before what the giver is bound by, in real time.
 */
#include "core/lease.h"

#include "tap.h"

#define LENGTH_US 1000000
#define DRIFT_PPM 250000

static void
test_numbers(void)
{
	GrantGiven given = {0};

	TAP_IS_INT(grant_given_number(&given, 5), 0, "nothing was given yet");
	TAP_OK(grant_given_renew(&given, 1, 100, 1000, 10), "the first grant has a new number");
	TAP_OK(!grant_given_renew(&given, 2, 200, 1500, 999), "a valid grant keeps its number");
	TAP_IS_INT(grant_given_number(&given, 1499), 1, "valid up to its end");
	TAP_IS_INT(grant_given_number(&given, 1500), 0, "and not at it");
	TAP_OK(grant_given_renew(&given, 2, 300, 3000, 1500), "a lapsed grant is not revived");
	TAP_IS_INT(grant_given_number(&given, 1500), 2, "the next one has another number");
	TAP_OK(!grant_given_renew(&given, 3, 400, 2000, 1600), "lengthening never shortens");
	TAP_OK(grant_given_is_valid(&given, 2999), "the later end stays");
	grant_given_void(&given);
	TAP_IS_INT(grant_given_number(&given, 1700), 0, "void at once");
}

static void
test_restart(void)
{
	GrantGiven given = {0};

	TAP_OK(!grant_given_restart(&given, 5, 100), "nothing to wait out anew");
	grant_given_renew(&given, 1, 1, 1000, 10);
	TAP_OK(grant_given_restart(&given, 900, 5000), "valid when the clock was last trusted");
	TAP_IS_INT(grant_given_number(&given, 4999), 1, "it keeps its number, and binds longer");
	TAP_OK(!grant_given_restart(&given, 6000, 9000), "one that lapsed before stays lapsed");
	TAP_IS_INT(grant_given_number(&given, 6000), 0, "and binds nobody");
}

static void
test_held(void)
{
	GrantHeld held = {0};

	TAP_OK(grant_held_take(&held, 7, 1000, 10), "a new number");
	TAP_OK(!grant_held_take(&held, 7, 1200, 20), "the same number, longer");
	TAP_IS_INT(held.until_us, 1200, "the later end counts");
	TAP_OK(!grant_held_take(&held, 7, 1100, 30), "an overtaken answer");
	TAP_IS_INT(held.until_us, 1200, "shortens nothing");
	TAP_OK(!grant_held_take(&held, 6, 9000, 40), "an older number");
	TAP_IS_INT(grant_held_number(&held, 50), 7, "changes nothing");
	TAP_OK(grant_held_take(&held, 8, 1300, 60), "a newer number");
	TAP_IS_INT(grant_held_number(&held, 1300), 0, "over at its end");
	grant_held_void(&held);
	TAP_IS_INT(grant_held_number(&held, 70), 0, "void");
}

static void
test_stretch(void)
{
	TAP_IS_INT(lease_stretch(0, DRIFT_PPM), 0, "nothing stretches to nothing");
	TAP_IS_INT(lease_stretch(4, DRIFT_PPM), 5, "a quarter more");
	TAP_IS_INT(lease_stretch(5, DRIFT_PPM), 7, "rounded up");
	TAP_IS_INT(lease_stretch(5, 0), 5, "no drift");
}

static uint64_t walk_state;

static int64_t
draw(int64_t bound)
{
	walk_state = walk_state * 6364136223846793005u + 1442695040888963407u;
	return (int64_t) ((walk_state >> 33) % (uint64_t) bound);
}

/* A clock that runs at rate_ppm of real time from an offset of its own. */
static TimeUs
clock_at(TimeUs real_us, int64_t rate_ppm, TimeUs offset_us)
{
	return offset_us + real_us / 1000 * rate_ppm / 1000;
}

/* One walk: requests and answers with random delays; false if the holder once outlasts the giver. */
static bool
walk_is_safe(uint64_t seed)
{
	GrantGiven given = {0};
	GrantHeld held = {0};
	int64_t holder_rate = 1000000;
	int64_t giver_rate;
	TimeUs real_us = 1000000;
	uint64_t numbers = 0;
	uint32_t i;

	walk_state = seed;
	giver_rate = draw(2) ? 1000000 + draw(DRIFT_PPM) : 1000000 - draw(DRIFT_PPM * 4 / 5);
	for (i = 0; i < 300; i++)
	{
		TimeUs sent_us = clock_at(real_us, holder_rate, 77);
		TimeUs giver_us;
		TimeUs holder_us;

		real_us += draw(draw(4) ? 200000 : 2000000); /* the request travels */
		giver_us = clock_at(real_us, giver_rate, 5000000);
		grant_given_renew(&given, ++numbers, sent_us,
						  giver_us + lease_stretch(LENGTH_US, DRIFT_PPM), giver_us);
		real_us += draw(draw(4) ? 200000 : 2000000); /* the answer travels */
		holder_us = clock_at(real_us, holder_rate, 77);
		grant_held_take(&held, given.number, given.request_sent_us + LENGTH_US, holder_us);
		real_us += draw(300000);
		holder_us = clock_at(real_us, holder_rate, 77);
		giver_us = clock_at(real_us, giver_rate, 5000000);
		if (grant_held_number(&held, holder_us) != 0 &&
			grant_held_number(&held, holder_us) != grant_given_number(&given, giver_us))
			return false;
	}
	return true;
}

static void
test_walks(void)
{
	uint64_t seed;
	uint32_t unsafe = 0;

	for (seed = 1; seed <= 2000; seed++)
		if (!walk_is_safe(seed))
			unsafe++;
	TAP_IS_INT(unsafe, 0, "no holder outlasts its giver, whatever the clocks and the network do");
}

int
main(void)
{
	test_numbers();
	test_restart();
	test_held();
	test_stretch();
	test_walks();
	return tap_done();
}
