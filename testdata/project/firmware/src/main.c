/* SPDX-License-Identifier: LicenseRef-Northwind */
#include <stdio.h>
#include <string.h>

#include "radio.h"
#include "scan_queue.h"

/*
 * On the device the main loop sleeps until the trigger or the radio wakes it
 * up. Built for a desk, this file reads parcel numbers from standard input
 * and prints the frames, so that the base station can be tested without one
 * single scanner in the room.
 */
static void print_frame(const struct scan *scan)
{
    uint8_t frame[FRAME_SIZE];
    size_t length = radio_frame(frame, scan);
    for (size_t i = 0; i < length; i++)
        printf("%02x", frame[i]);
    putchar('\n');
}

int main(void)
{
    struct scan_queue queue;
    char line[64];
    uint32_t seconds = 0;

    scan_queue_init(&queue, 1);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!scan_queue_push(&queue, line, seconds)) {
            fputs("scanner: the queue is full; go to where the radio works\n", stderr);
            return 1;
        }
        /* At a desk every scan takes a second. */
        seconds++;
    }
    for (uint32_t i = 0; scan_queue_at(&queue, i) != NULL; i++)
        print_frame(scan_queue_at(&queue, i));
    return 0;
}
