/*
 * marks.h
 *		Coverage marks: counters on the branches that a test of the protocol must have reached.
 *
 * A simulator that never meets a late duplicate proves nothing about late duplicates.  Each mark names one
 * such branch; the simulator fails if its seeds together leave a mark at zero, and an interaction script may
 * demand one.  The counters belong to the process and influence nothing.
 */
#ifndef QUORATE_MARKS_H
#define QUORATE_MARKS_H

#include <stdint.h>

#define CORE_MARKS(X)                     \
	X(acknowledged_and_forgotten)         \
	X(adopt_from_peer)                    \
	X(adopt_gave_up)                      \
	X(adopted_before_quorum)              \
	X(adopted_newer_membership)           \
	X(adopted_own_removal)                \
	X(answer_leader_lives)                \
	X(answer_overruled_by_higher_promise) \
	X(answer_proves_release)              \
	X(ask_found_leader_alive)             \
	X(candidate_gave_up)                  \
	X(candidate_outbid)                   \
	X(catch_up_from_log)                  \
	X(change_begun)                       \
	X(change_refused)                     \
	X(change_without_quorum)              \
	X(clock_anomaly_restarts_wait_out)    \
	X(clock_anomaly_voids_leases)         \
	X(commit_notice_sent)                 \
	X(commit_waits_for_own_ballot)        \
	X(commit_waits_for_own_sync)          \
	X(cut_conflicting_suffix)             \
	X(duplicate_entries_skipped)          \
	X(entries_repeated)                   \
	X(follower_commit_held_to_match)      \
	X(gave_way_to_another_proposer)       \
	X(grant_length_recorded)              \
	X(grant_number_renewed)               \
	X(grant_refused_deaf_leader)          \
	X(handover_released)                  \
	X(handover_timed_out)                 \
	X(implausible_ballot_ignored)         \
	X(inquired_without_standing)          \
	X(joined)                             \
	X(joint_generation_ended)             \
	X(lapsed_grant_starts_election)       \
	X(leader_deposed_by_higher_ballot)    \
	X(leader_refuses_prepare)             \
	X(leader_without_quorum_steps_down)   \
	X(lease_wait_out_on_restart)          \
	X(membership_of_the_past)             \
	X(membership_taken_back)              \
	X(membership_without_entry_dropped)   \
	X(message_for_another_replica)        \
	X(needs_snapshot_flagged)             \
	X(new_life_voids_grant)               \
	X(newer_stranger_heard)               \
	X(outline_cut_short)                  \
	X(prepare_proves_release)             \
	X(prepare_unanswered_by_damaged)      \
	X(promise_repeated)                   \
	X(rebase_not_needed)                  \
	X(rebased)                            \
	X(reconfirm_new_grant_number)         \
	X(refuse_blocked_by_grant)            \
	X(refuse_log_mismatch)                \
	X(refuse_lower_ballot)                \
	X(refuse_who_may_not_lead)            \
	X(removed_by_message)                 \
	X(removed_by_own_log)                 \
	X(reordered_accept_ignored)           \
	X(resend_after_timeout)               \
	X(short_accept_noticed)               \
	X(stale_heartbeat_ignored)            \
	X(stale_join_ignored)                 \
	X(stale_sync_stops_grants)            \
	X(stood_left_behind)                  \
	X(stranger_ignored)                   \
	X(told_removed)                       \
	X(truncated_beyond_acknowledged)
typedef enum CoreMark
{
#define CORE_MARK_ENUM(name) CORE_MARK_##name,
	CORE_MARKS(CORE_MARK_ENUM)
#undef CORE_MARK_ENUM
	CORE_MARK_COUNT
} CoreMark;

/* How often this process reached each mark, and what the marks are called. */
extern uint64_t core_mark_hits[CORE_MARK_COUNT];
extern const char *const core_mark_names[CORE_MARK_COUNT];

#define CORE_MARK(name) (core_mark_hits[CORE_MARK_##name]++)

#endif /* QUORATE_MARKS_H */
