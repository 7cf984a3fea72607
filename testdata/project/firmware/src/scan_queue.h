/* SPDX-License-Identifier: LicenseRef-Northwind */
#ifndef NORTHWIND_SCAN_QUEUE_H
#define NORTHWIND_SCAN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The service refuses a larger batch. Change both or neither. */
#define SCAN_QUEUE_SIZE 64
#define PARCEL_NUMBER_LENGTH 12

struct scan {
    uint32_t counter;
    uint32_t seconds;
    char parcel[PARCEL_NUMBER_LENGTH + 1];
};

/*
 * A ring of the scans that the service has not confirmed yet. There is one
 * writer, the trigger, and one reader, the radio. Both run in the main loop,
 * so no lock is needed.
 */
struct scan_queue {
    struct scan ring[SCAN_QUEUE_SIZE];
    uint32_t first;
    uint32_t count;
    uint32_t next_counter;
};

void scan_queue_init(struct scan_queue *queue, uint32_t next_counter);

/* Returns false if the queue is full. The caller has to beep twice then. */
bool scan_queue_push(struct scan_queue *queue, const char *parcel, uint32_t seconds);

/* Forgets every scan up to this counter, the counter itself included. */
void scan_queue_confirm(struct scan_queue *queue, uint32_t stored_up_to);

/* Returns the scan at this place, or NULL behind the last one. */
const struct scan *scan_queue_at(const struct scan_queue *queue, uint32_t index);

#endif
