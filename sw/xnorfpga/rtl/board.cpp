// SPDX-License-Identifier: Apache-2.0
// The board's top level on a byte stream: standard input is the serial line to the board, standard output the one from
// it. The argument is the clock cycles of a bit. Ends with its input. While nothing happens no cycle passes.
#include <cstdint>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include "VDe1SocTop.h"
#include "verilated.h"

namespace {

VDe1SocTop* top;

void cycle() {
    top->CLOCK_50 = 0;
    top->eval();
    top->CLOCK_50 = 1;
    top->eval();
}

// The host's UART: 8 data bits, the lowest first, between a start and a stop bit
class Sender {
    uint32_t bits = 1;  // still to be sent, below a one that marks their end
    int wait = 0, level = 1;

public:
    bool idle() const { return bits == 1 && !wait; }
    void send(uint8_t byte) { bits = 1u << 10 | 1u << 9 | byte << 1; }
    int step(int period) {
        if (!wait && bits != 1) {
            level = bits & 1;
            bits >>= 1;
            wait = period;
        }
        if (wait) wait--;
        return level;
    }
};

class Receiver {
    int wait = 0, left = 0;
    uint8_t byte = 0;

public:
    bool idle() const { return !left; }
    bool step(int level, int period) {  // true: a byte is complete
        if (!left) {
            if (level) return false;
            left = 9;
            wait = period + period / 2;
        }
        if (--wait) return false;
        wait = period;
        if (--left) {
            byte = byte >> 1 | level << 7;
            return false;
        }
        return true;
    }
    uint8_t value() const { return byte; }
};

}  // namespace

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    const int period = std::atoi(argv[1]);
    top = new VDe1SocTop;
    top->KEY = 0xf;
    top->GPIO_0_UART_RX = 1;
    for (int k = 0; k < 64; k++) cycle();  // the reset after power-up

    Sender sender;
    Receiver receiver;
    uint8_t input[4096], output[4096];
    ssize_t available = 0, taken = 0, collected = 0;
    int quiet = 0;    // cycles in which nothing happened
    int unasked = 0;  // cycles since the input was looked at, which takes longer than a cycle
    for (;;) {
        if (sender.idle() && taken == available) {
            pollfd line{0, POLLIN, 0};
            const bool asleep = quiet > 64 * period;
            if (asleep || ++unasked > 10 * period) {
                unasked = 0;
                if (poll(&line, 1, asleep ? -1 : 0) > 0) {
                    available = read(0, input, sizeof input);
                    if (available <= 0) return 0;
                    taken = 0;
                }
            }
        }
        if (sender.idle() && taken < available) sender.send(input[taken++]);
        top->GPIO_0_UART_RX = sender.step(period);
        cycle();
        if (receiver.step(top->GPIO_0_UART_TX, period)) {
            output[collected++] = receiver.value();
            if (!receiver.value() || collected == sizeof output) {  // a frame's end
                if (write(1, output, collected) < 0) return 0;
                collected = 0;
            }
        }
        quiet = sender.idle() && receiver.idle() && !(top->LEDR & 1) && top->GPIO_0_UART_TX ? quiet + 1 : 0;
    }
}
