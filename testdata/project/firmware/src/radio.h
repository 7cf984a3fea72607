/* SPDX-License-Identifier: LicenseRef-Northwind */
#ifndef NORTHWIND_RADIO_H
#define NORTHWIND_RADIO_H

#include <stddef.h>
#include <stdint.h>

#include "crc16.h"
#include "scan_queue.h"

/*
 * One frame carries one scan: counter, seconds, parcel number, checksum. Numbers
 * go out with the low byte first, since the base station is a small
 * machine of the same kind.
 */
#define FRAME_SIZE (4 + 4 + PARCEL_NUMBER_LENGTH + 2)

static inline void radio_put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline size_t radio_frame(uint8_t frame[FRAME_SIZE], const struct scan *scan)
{
    radio_put32(frame, scan->counter);
    radio_put32(frame + 4, scan->seconds);
    for (size_t i = 0; i < PARCEL_NUMBER_LENGTH; i++)
        frame[8 + i] = (uint8_t)scan->parcel[i];

    /* The checksum covers everything before it. */
    uint16_t crc = crc16(frame, FRAME_SIZE - 2);
    frame[FRAME_SIZE - 2] = (uint8_t)crc;
    frame[FRAME_SIZE - 1] = (uint8_t)(crc >> 8);
    return FRAME_SIZE;
}

#endif
