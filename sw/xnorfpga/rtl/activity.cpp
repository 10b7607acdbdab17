// SPDX-License-Identifier: Apache-2.0
// Images through the accelerator while Verilator counts how often each signal changes or, with VCD, when.
// Arguments: file of the images, bytes of a word, words of an image, images, results before the window, results in it,
// cycles that it may take, half a clock period in ps, folder for start.saif, the first values of the window, and
// window.saif, or for window.vcd.
// Prints the classes in the window, a line each, and last the window's cycles.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "VAccelerator.h"
#include "verilated.h"
#ifdef VCD
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#else
#include "verilated_saif_c.h"
using Trace = VerilatedSaifC;
#endif

int main(int argc, char** argv) {
    if (argc != 10) return 2;
    const size_t wordBytes = std::atoi(argv[2]), words = std::atoi(argv[3]), images = std::atoi(argv[4]);
    const size_t before = std::atoi(argv[5]), inside = std::atoi(argv[6]);
    const size_t limit = std::strtoull(argv[7], nullptr, 10);  // cycles
    const uint64_t half = std::strtoull(argv[8], nullptr, 10);  // of a clock period, ps
    const std::string directory = argv[9];
    std::vector<uint8_t> bytes(images * words * wordBytes);
    FILE* file = std::fopen(argv[1], "rb");
    if (!file || std::fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) return 3;
    std::fclose(file);

    Verilated::traceEverOn(true);
#ifdef VCD
    VAccelerator top{""};  // without a name: its module is then the root of all scopes
#else
    VAccelerator top;
#endif
    Trace trace;
    top.trace(&trace, 99);
    top.results_ready = 1;
    top.reset = 1;

    size_t word = 0, results = 0, opened = 0;
    bool recording = false;
    for (size_t cycle = 0; cycle < limit; cycle++) {
        top.reset = cycle < 4;
        top.images_valid = cycle >= 8 && word < images * words;
        if (top.images_valid) {
            std::memcpy(&top.images_payload_fragment, &bytes[word * wordBytes], wordBytes);
            top.images_payload_last = 0;
        }
        top.clk = 0;
        top.eval();
        const bool taken = top.images_valid && top.images_ready;
        if (recording) trace.dump(2 * (cycle - opened) * half);
        if (top.results_valid) {
            if (recording) std::printf("%d\n", int(top.results_payload_label));
            results++;
            if (results == before) {
                recording = true;
                opened = cycle;
#ifdef VCD
                trace.open((directory + "/window.vcd").c_str());
                trace.dump(0);
#else
                // A trace counts each signal's first value as a change from 0: the first file holds that alone
                trace.open((directory + "/start.saif").c_str());
                trace.dump(0);
                trace.close();
                trace.open((directory + "/window.saif").c_str());
                trace.dump(half);
#endif
            }
            if (results == before + inside) {
                trace.close();
                std::printf("%zu\n", cycle - opened);
                return 0;
            }
        }
        top.clk = 1;
        top.eval();
#ifdef VCD
        if (recording) trace.dump((2 * (cycle - opened) + 1) * half);
#endif
        word += taken;
    }
    return 4;
}
