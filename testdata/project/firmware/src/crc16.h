/* SPDX-License-Identifier: LicenseRef-Northwind */
#ifndef NORTHWIND_CRC16_H
#define NORTHWIND_CRC16_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum of a radio frame. Polynomial 0x1021, start value 0xffff, as the
 * base station expects it. A table would be faster, but it would take 512
 * bytes of flash, and the radio is slower than this loop anyway.
 */
static inline uint16_t crc16(const uint8_t *data, size_t length)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= (uint16_t)(data[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            if (crc & 0x8000)
                crc = (uint16_t)((crc << 1) ^ 0x1021);
            else
                crc = (uint16_t)(crc << 1);
        }
    }
    return crc;
}

#endif
