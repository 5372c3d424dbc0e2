#ifndef CAFFE_UTIL_LOCAL_TILE_HPP_
#define CAFFE_UTIL_LOCAL_TILE_HPP_

#include <vector>

namespace caffe {

/// One image's shapes at the two ends of a locally connected layer.
struct LocalShape {
  int channels, height, width;  // of the bottom
  int kernel, stride, pad;
  int outputs, top_h, top_w;  // of the top

  int positions() const { return top_h * top_w; }
  int taps() const { return channels * kernel * kernel; }  // of one position
};

/**
 * @brief Neighbouring positions of one row of the top, in a block of images:
 *        moves them between blobs and what matrix products take. The scratch
 *        of one thread.
 *
 * The bottom is read in two steps: into the band, which fits a second-level
 * cache, and from there the taps of one position after another. Its gradients
 * go the same way back.
 */
template <typename Dtype>
class LocalTile {
 public:
  /// For batches of num images.
  LocalTile(const LocalShape& shape, int num);

  /// Goes through the tiles of the top's row y, for all images, calling f().
  template <typename Function>
  void ForEachInRow(int y, Function f) {
    for (int x = 0; x < shape_.top_w; x += width_) {
      for (int n = 0; n < num_; n += most_images_) {
        MoveTo(y, x, n);
        f();
      }
    }
  }

  /// Bottom (N, C, H, W) -> band, zero-padded.
  void LoadBand(const Dtype* bottom);
  void ClearBand();
  /// Adds the band to the bottom's gradient.
  void AddBandTo(Dtype* bottom_diff);
  /// Band -> taps() of the tile's position t.
  void Unroll(int t);
  /// Adds taps() of position t to the band.
  void AddTaps(int t);

  /// Top (N, O, H', W') <-> outputs(t) of all positions.
  void LoadOutputs(const Dtype* top);
  void StoreOutputs(Dtype* top);

  int images() const { return images_; }
  int positions() const { return w_; }
  /// Position t's index among all of the top, in row-major order.
  int position(int t) const { return y_ * shape_.top_w + x_ + t; }
  Dtype* taps() { return taps_.data(); }  // (images, K)
  Dtype* outputs(int t) {                 // (images, O)
    return outputs_.data() + t * outputs_step_;
  }

 private:
  void MoveTo(int y, int x, int n);
  template <typename Value, typename Function>
  void ForEachBandRow(Value* bottom, Function f);
  template <typename Value, typename Function>
  void ForEachOutput(Value* top, Function f);

  const LocalShape shape_;
  const int num_;
  const int most_images_;   // at a time
  const int width_;         // positions, but for the last tile of a row
  const int outputs_step_;  // from one position's outputs to the next's
  int y_, x_, w_;           // row, first column and number of the positions
  int n_, images_;          // first image, how many
  int band_rows_, band_w_;
  std::vector<Dtype> band_;  // (images, C, k, band_w)
  std::vector<Dtype> taps_, outputs_;
};

}  // namespace caffe

#endif  // CAFFE_UTIL_LOCAL_TILE_HPP_
