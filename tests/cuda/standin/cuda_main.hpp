// A launch in a process of its own, where a sanitizer watches: its arguments come from a file and go back to it.
#include <string>

struct Kernel { const char *name; const char *(*launch)(const unsigned *, size_t, int, void **); };
extern const Kernel kernels[];

template <class T> static T read(FILE *file) {
    T value;
    if (fread(&value, sizeof value, 1, file) != 1) fprintf(stderr, "the file of arguments ends early\n"), exit(3);
    return value;
}

int main(int, char **argv) {
    FILE *file = fopen(argv[1], "rb");
    unsigned dims[6];
    for (unsigned &d : dims) d = read<unsigned>(file);
    size_t dynamic = read<uint64_t>(file);
    int reversed = read<int>(file);
    std::vector<std::pair<char *, size_t>> memory(read<unsigned>(file));
    for (auto &[p, size] : memory) {
        size = read<uint64_t>(file);
        if (posix_memalign((void **)&p, 512, size) || fread(p, 1, size, file) != size) exit(3);
    }
    std::vector<std::string> scalars(read<unsigned>(file), std::string(16, '\0'));
    std::vector<void *> pointers(scalars.size()), args(scalars.size());
    for (size_t i = 0; i < scalars.size(); i++) {
        int segment = read<int>(file);
        uint64_t offset = read<uint64_t>(file);
        if (fread(&scalars[i][0], 1, 16, file) != 16) exit(3);
        args[i] = &scalars[i][0];
        if (segment >= 0) pointers[i] = memory[segment].first + offset, args[i] = &pointers[i];
    }
    fclose(file);
    const Kernel *kernel = kernels;
    while (strcmp(kernel->name, argv[2])) kernel++;
    const char *error = kernel->launch(dims, dynamic, reversed, args.data());
    if (error) fprintf(stderr, "%s\n", error), exit(2);
    file = fopen(argv[1], "wb");
    for (auto &[p, size] : memory) fwrite(p, 1, size, file);
    fclose(file);
}
