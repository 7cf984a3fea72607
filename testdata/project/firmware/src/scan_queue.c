/* SPDX-License-Identifier: LicenseRef-Northwind */
#include "scan_queue.h"

#include <stddef.h>
#include <string.h>

/*
 * The counter comes from flash, where it was saved with some distance to the
 * last one used. So it never goes back, not even after the battery fell out in
 * the middle of a write.
 */
void scan_queue_init(struct scan_queue *queue, uint32_t next_counter)
{
    memset(queue, 0, sizeof(*queue));
    queue->next_counter = next_counter;
}

bool scan_queue_push(struct scan_queue *queue, const char *parcel, uint32_t seconds)
{
    /* A full queue keeps the old scans. They are nearer to being sent. */
    if (queue->count == SCAN_QUEUE_SIZE)
        return false;

    uint32_t slot = (queue->first + queue->count) % SCAN_QUEUE_SIZE;
    struct scan *scan = &queue->ring[slot];
    scan->counter = queue->next_counter++;
    scan->seconds = seconds;
    strncpy(scan->parcel, parcel, PARCEL_NUMBER_LENGTH);
    /* strncpy does not end a string that is too long, so we do it here. */
    scan->parcel[PARCEL_NUMBER_LENGTH] = '\0';
    queue->count++;
    return true;
}

void scan_queue_confirm(struct scan_queue *queue, uint32_t stored_up_to)
{
    /* An old confirmation may arrive late. It confirms nothing new. */
    while (queue->count > 0 && queue->ring[queue->first].counter <= stored_up_to) {
        queue->first = (queue->first + 1) % SCAN_QUEUE_SIZE;
        queue->count--;
    }
}

const struct scan *scan_queue_at(const struct scan_queue *queue, uint32_t index)
{
    if (index >= queue->count)
        return NULL;
    return &queue->ring[(queue->first + index) % SCAN_QUEUE_SIZE];
}
