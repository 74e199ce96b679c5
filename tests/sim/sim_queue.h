/*
 * sim_queue.h
 *		What will happen in a simulated run, in order of global time.
 *
 * Events at the same time happen in the order in which they were added, so that a run depends on nothing
 * but its seed.
 */
#ifndef QUORATE_SIM_QUEUE_H
#define QUORATE_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SimEventKind
{
	SIM_TURN = 1,       /* a node's replicator takes a turn */
	SIM_TURN_DONE,      /* the turn's sync has returned: what it did becomes visible */
	SIM_FRAME,          /* a frame arrives */
	SIM_START,          /* a node's process starts */
	SIM_RESUME,         /* a stopped node goes on */
	SIM_CLIENT,         /* a client begins its next operation */
	SIM_REQUEST,        /* an operation arrives at a node */
	SIM_READ_END,       /* a reader answers, after its last look at the lease */
	SIM_CLIENT_TIMEOUT, /* a client gives an operation up */
	SIM_APPLY,          /* a node's applier takes a batch */
	SIM_NEMESIS,        /* the next fault begins */
	SIM_NEMESIS_END,    /* a fault that lasts ends */
	SIM_AMBUSH,         /* a fault meets a node at a chosen moment */
	SIM_RELAY,          /* a new leader is cut off and the one before returns */
	SIM_OPERATOR,       /* a restless operator moves leadership */
	SIM_MEMBERS,        /* somebody looks at a group's members */
	SIM_COPY,           /* a node without rows reads a page of them from another one */
	SIM_COPIED,         /* the page arrives */
	SIM_REPLACE         /* a node drops the idle group and makes it anew */
} SimEventKind;

typedef struct SimEvent
{
	int64_t at_us;
	SimEventKind kind; /* 0: no event */
	uint32_t node;     /* index of the node that it happens to */
	uint64_t life;     /* of the node's process; an event of a former life is void */
	uint64_t value;
	void *object; /* SIM_FRAME: owned by the event */
} SimEvent;

/* What the order of events depends on, and where the event lies. */
typedef struct SimQueueKey
{
	int64_t at_us;
	uint32_t sequence; /* in which they were added; no run lasts for 2^32 events */
	uint32_t place;
} SimQueueKey;

typedef struct SimQueue
{
	SimQueueKey *heap;
	size_t count;
	size_t capacity;
	SimEvent *events; /* those under way, and places that are free */
	uint32_t event_count;
	size_t event_capacity;
	uint32_t *free_places;
	uint32_t free_count;
	size_t free_capacity;
	SimQueueKey *row; /* keys that came in order, from row_head on; most of them are time-outs */
	size_t row_head;
	size_t row_count;
	size_t row_capacity;
	uint32_t sequence;
} SimQueue;

extern void sim_queue_add(SimQueue *queue, SimEvent event);

/* The same for an event that is not earlier than any that was added by this function: it takes constant time. */
extern void sim_queue_add_last(SimQueue *queue, SimEvent event);

/* Takes the earliest event; false if there is none. */
extern bool sim_queue_take(SimQueue *queue, SimEvent *event);

/* Frees the queue and the objects of its events. */
extern void sim_queue_free(SimQueue *queue);

#endif /* QUORATE_SIM_QUEUE_H */
