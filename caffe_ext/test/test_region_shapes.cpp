// Region layers beyond what a GPU's block, or a vector of the CPU, does at
// once.
#include "region_layer_fixture.hpp"  // NOLINT(build/include_subdir)

namespace caffe {

template <typename TypeParam>
class RegionShapesTest : public RegionLayerFixture<TypeParam> {
 protected:
  // A grid of 2 x 2 patches.
  void Check(int num, int channels, int patch_height, int patch_width) {
    this->param_.mutable_region_param()->set_grid_h(2);
    this->param_.mutable_region_param()->set_grid_w(2);
    this->bottom_.Reshape(num, channels, 2 * patch_height, 2 * patch_width);
    this->FillBottom();
    this->CheckAgainstReference();
  }
};

TYPED_TEST_CASE(RegionShapesTest, TestDtypesAndDevices);

TYPED_TEST(RegionShapesTest, TestManyChannels) {
  this->Check(2, 37, 5, 7);
}

TYPED_TEST(RegionShapesTest, TestDRMLsPatches) {
  this->Check(2, 32, 20, 20);
}

TYPED_TEST(RegionShapesTest, TestWidePatches) {
  this->Check(2, 3, 9, 70);
}

TYPED_TEST(RegionShapesTest, TestHighPatches) {
  this->Check(2, 3, 131, 5);
}

TYPED_TEST(RegionShapesTest, TestManyImages) {
  this->Check(19, 2, 3, 4);
}

TYPED_TEST(RegionShapesTest, TestKernel5) {
  this->param_.mutable_region_param()->set_kernel_size(5);
  this->param_.mutable_region_param()->set_pad(2);
  this->Check(2, 33, 6, 34);
}

TYPED_TEST(RegionShapesTest, TestKernel1) {
  this->param_.mutable_region_param()->set_kernel_size(1);
  this->param_.mutable_region_param()->set_pad(0);
  this->Check(2, 33, 6, 34);
}

}  // namespace caffe
