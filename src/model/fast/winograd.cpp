#include "fast/winograd.h"

#include "runtime/private.h"
#include "runtime/threads.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <torch/library.h>

// On other processors none of this is called.
#ifdef __x86_64__
#define AVX512 __attribute__((target("avx512f")))
#else
#define AVX512
#endif

namespace featx {
namespace {

// A tile is a square of the image: SIDE pixels wide and high, for OUTPUTS x OUTPUTS outputs. Tiles overlap, outputs do
// not.
constexpr int64_t SIDE = 4;
constexpr int64_t OUTPUTS = 2;
constexpr int64_t PIXELS = SIDE * SIDE;
// Tiles at a time. With fewer the weights would be read more often; more would not stay in a core's cache.
constexpr int64_t TILES = 112;
// Out channels at a time, for the same reason.
constexpr int64_t COLUMNS = 32;
// Channels at a time: those of one instruction.
constexpr int64_t WIDTH = 16;

using Vector = float __attribute__((vector_size(WIDTH * sizeof(float))));
using Stored = float __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float)), may_alias));

struct Range {
  float low, high;
};

// A convolution. Images (image, y, x, channel), output (image, y, x, column); a column is an out channel.
struct Work {
  const float* images;
  const float* weight;
  const float* bias;
  float* output;
  int64_t height, width, channels;
  int64_t out_height, out_width, columns;
  int64_t top, left; // padding
  Range range;
  const float* zeros; // one pixel

  int64_t down() const {
    return (out_height + OUTPUTS - 1) / OUTPUTS;
  }
  int64_t across() const {
    return (out_width + OUTPUTS - 1) / OUTPUTS;
  }
};

// Where a tile's outputs begin.
struct Place {
  int64_t image, y, x;

  Place(const Work& work, int64_t tile)
      : image(tile / (work.down() * work.across())),
        y(tile / work.across() % work.down() * OUTPUTS),
        x(tile % work.across() * OUTPUTS) {}
};

// d (4 rows of 4 pixels) becomes B^T d B.
AVX512 inline void transform_pixels(Vector* d) {
  Vector rows[PIXELS];
  for (int x = 0; x < SIDE; ++x) {
    rows[x] = d[x] - d[8 + x];
    rows[4 + x] = d[4 + x] + d[8 + x];
    rows[8 + x] = d[8 + x] - d[4 + x];
    rows[12 + x] = d[4 + x] - d[12 + x];
  }
  for (int y = 0; y < PIXELS; y += SIDE) {
    d[y] = rows[y] - rows[y + 2];
    d[y + 1] = rows[y + 1] + rows[y + 2];
    d[y + 2] = rows[y + 2] - rows[y + 1];
    d[y + 3] = rows[y + 1] - rows[y + 3];
  }
}

// m (4 rows of 4 products) becomes A^T m A, its first four.
AVX512 inline void transform_products(Vector* m) {
  Vector rows[OUTPUTS * SIDE];
  for (int x = 0; x < SIDE; ++x) {
    rows[x] = m[x] + m[4 + x] + m[8 + x];
    rows[4 + x] = m[4 + x] - m[8 + x] - m[12 + x];
  }
  for (int y = 0; y < OUTPUTS; ++y) {
    const Vector* row = rows + SIDE * y;
    m[OUTPUTS * y] = row[0] + row[1] + row[2];
    m[OUTPUTS * y + 1] = row[1] - row[2] - row[3];
  }
}

// transformed: all channels of each of the tile's 16 pixels; the pixels are `stride` floats apart.
AVX512 void read_tile(const Work& work, const Place& place, float* transformed, int64_t stride) {
  const float* pixels[PIXELS];
  for (int64_t i = 0; i < PIXELS; ++i) {
    const int64_t y = place.y - work.top + i / SIDE, x = place.x - work.left + i % SIDE;
    const bool is_inside = y >= 0 && y < work.height && x >= 0 && x < work.width;
    const int64_t pixel = (place.image * work.height + y) * work.width + x;
    pixels[i] = is_inside ? work.images + pixel * work.channels : work.zeros;
  }
  for (int64_t channel = 0; channel < work.channels; channel += WIDTH) {
    Vector d[PIXELS];
    for (int64_t i = 0; i < PIXELS; ++i) {
      d[i] = *reinterpret_cast<const Stored*>(pixels[i] + channel);
    }
    transform_pixels(d);
    for (int64_t i = 0; i < PIXELS; ++i) {
      *reinterpret_cast<Stored*>(transformed + i * stride + channel) = d[i];
    }
  }
}

// products: `count` columns, from `first` on, of each of the tile's 16 products; the products are `stride` floats apart.
AVX512 void write_tile(
    const Work& work, const Place& place, const float* products, int64_t stride, int64_t first, int64_t count) {
  for (int64_t column = 0; column < count; column += WIDTH) {
    Vector m[PIXELS];
    for (int64_t i = 0; i < PIXELS; ++i) {
      m[i] = *reinterpret_cast<const Stored*>(products + i * stride + column);
    }
    transform_products(m);
    const Vector bias = *reinterpret_cast<const Stored*>(work.bias + first + column);
    const Vector low = Vector{} + work.range.low, high = Vector{} + work.range.high;
    for (int64_t i = 0; i < OUTPUTS * OUTPUTS; ++i) {
      const int64_t y = place.y + i / OUTPUTS, x = place.x + i % OUTPUTS;
      if (y < work.out_height && x < work.out_width) {
        Vector out = m[i] + bias;
        out = out < low ? low : out; // a NaN stays one
        out = out > high ? high : out;
        const int64_t pixel = (place.image * work.out_height + y) * work.out_width + x;
        *reinterpret_cast<Stored*>(work.output + pixel * work.columns + first + column) = out;
      }
    }
  }
}

int64_t floats_of_block(int64_t tiles, int64_t channels) {
  return PIXELS * tiles * (channels + COLUMNS);
}

// Computes tiles that follow each other. room: as many floats as floats_of_block says.
void compute_block(const Work& work, int64_t first_tile, int64_t tiles, float* room) {
  std::vector<Place> places;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    places.emplace_back(work, first_tile + tile);
  }
  const int64_t pixel = tiles * work.channels, product = tiles * COLUMNS;
  float* products = room + PIXELS * pixel;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    read_tile(work, places[tile], room + tile * work.channels, pixel);
  }
  for (int64_t first = 0; first < work.columns; first += COLUMNS) {
    const int64_t count = std::min(COLUMNS, work.columns - first);
    const float* weight = work.weight + PIXELS * work.channels * first;
    for (int64_t i = 0; i < PIXELS; ++i) {
      multiply(
          tiles, count, work.channels, room + i * pixel, weight + i * work.channels * count, products + i * product,
          COLUMNS);
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
      write_tile(work, places[tile], products + tile * COLUMNS, product, first, count);
    }
  }
}

// Computes all tiles in blocks of about the same size, the same number for each thread. The division changes no output.
void compute_all(const Work& work, int64_t tiles) {
  const int64_t threads = thread_count();
  const int64_t rounds = (tiles + threads * TILES - 1) / (threads * TILES);
  const int64_t at_once = (tiles + threads * rounds - 1) / (threads * rounds);
  const int64_t floats = floats_of_block(at_once, work.channels);
  const auto room = at::empty({threads, floats}, at::kFloat);
  float* rooms = room.data_ptr<float>();
  std::atomic<int64_t> next = 0;
  on_each_thread([&](int64_t thread) {
    for (int64_t first = next.fetch_add(at_once); first < tiles; first = next.fetch_add(at_once)) {
      compute_block(work, first, std::min(at_once, tiles - first), rooms + thread * floats);
    }
  });
}

Range range_of(c10::string_view activation, const c10::List<std::optional<at::Scalar>>& scalars) {
  constexpr float infinite = std::numeric_limits<float>::infinity();
  if (activation == "none") {
    return {-infinite, infinite};
  }
  if (activation == "relu") {
    return {0, infinite};
  }
  TORCH_CHECK(activation == "hardtanh", "no activation of featx::winograd: ", activation);
  return {scalars.get(0)->to<float>(), scalars.get(1)->to<float>()};
}

at::Tensor winograd(
    const at::Tensor& images,
    const at::Tensor& weight,
    const std::optional<at::Tensor>& bias,
    at::IntArrayRef padding,
    c10::string_view activation,
    const c10::List<std::optional<at::Scalar>>& scalars,
    std::optional<c10::string_view> /*algorithm*/) {
  const int64_t channels = images.size(1), columns = weight.numel() / (PIXELS * channels);
  const auto input = images.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t height = input.size(2), width = input.size(3);
  const int64_t out_height = height + 2 * padding[0] - 2, out_width = width + 2 * padding[1] - 2;
  const auto output =
      at::empty({input.size(0), columns, out_height, out_width}, input.options(), at::MemoryFormat::ChannelsLast);
  const auto offset = bias ? bias->contiguous() : at::zeros({columns}, input.options());
  const auto zeros = at::zeros({channels}, input.options());
  const Work work{
      input.const_data_ptr<float>(), weight.const_data_ptr<float>(), offset.const_data_ptr<float>(),
      output.data_ptr<float>(),      height,                         width,
      channels,                      out_height,                     out_width,
      columns,                       padding[0],                     padding[1],
      range_of(activation, scalars), zeros.const_data_ptr<float>()};
  compute_all(work, input.size(0) * work.down() * work.across());
  return output;
}

TORCH_LIBRARY(featx, library) {
  library.def(
      "winograd(Tensor images, Tensor weight, Tensor? bias, int[] padding, str activation, Scalar?[] scalars, "
      "str? algorithm) -> Tensor",
      winograd);
}

} // namespace

bool has_winograd(const at::Tensor& weight) {
  static const bool is_fast = at::get_cpu_capability() == "AVX512";
  return is_fast && weight.scalar_type() == at::kFloat && weight.dim() == 4 && weight.size(0) % WIDTH == 0 &&
      weight.size(1) % WIDTH == 0 && weight.size(2) == 3 && weight.size(3) == 3;
}

// Makes the numbers of a tile's pixels from the 9 numbers of 3 x 3 weights.
size_t winograd_bytes(const at::Tensor& weight) {
  return weight.nbytes() / 9 * PIXELS;
}

// (block of columns, pixel, channel, column of the block): G w G^T of each 3 x 3 weights w, as one product.
at::Tensor winograd_weight(const at::Tensor& weight) {
  const auto g = at::tensor({1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.0, 0.0, 1.0}, at::kDouble).view({4, 3});
  const auto both = at::kron(g, g); // of a row and a column
  std::vector<at::Tensor> blocks;
  for (const auto& block : weight.split(COLUMNS)) {
    const auto weights = block.flatten(2).permute({2, 1, 0}).reshape({9, -1}).to(at::kDouble);
    blocks.push_back(at::mm(both, weights).to(at::kFloat).view(-1));
  }
  return at::cat(blocks);
}

} // namespace featx
