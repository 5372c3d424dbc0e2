// How libFuzzer changes prototxts, protobuf's and HDF5's files (`make fuzz`):
// mostly field by field, so that they can still be parsed and reach what is
// behind the parser; every fourth time byte by byte, as it does by itself. HDF5
// never: libhdf5 itself dies of damaged bytes (docs/reliability.md).
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <hdf5.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "caffe/caffe.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t most);

namespace caffe {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

class Draws {
 public:
  explicit Draws(unsigned int seed) : random_(seed) {}

  bool OneIn(int count) { return Below(count) == 0; }

 protected:
  int Below(int end) { return random_() % end; }

  template <typename T>
  T Any(const std::vector<T>& values) {
    return values[Below(values.size())];
  }

  std::minstd_rand random_;
};

class Mutator : public Draws {
 public:
  explicit Mutator(unsigned int seed) : Draws(seed) {}

  /// Changes a field, or a few, of any message in this one.
  void Change(Message* root) {
    do {
      std::vector<Message*> messages;
      strings_.clear();
      Collect(root, &messages);
      ChangeField(Any(messages));
    } while (OneIn(2));
  }

  /// A layer of another net comes in somewhere, most often joined to this one.
  void Graft(NetParameter* net, const NetParameter& other) {
    if (other.layer_size() == 0) return;
    LayerParameter layer = other.layer(Below(other.layer_size()));
    std::vector<string> tops;
    for (const LayerParameter& mine : net->layer()) {
      tops.insert(tops.end(), mine.top().begin(), mine.top().end());
    }
    for (string& bottom : *layer.mutable_bottom()) {
      if (!tops.empty() && !OneIn(4)) bottom = Any(tops);
    }
    *net->add_layer() = layer;
    for (int i = net->layer_size() - 1; i > 0 && OneIn(2); --i) {
      net->mutable_layer()->SwapElements(i, i - 1);
    }
  }

 private:
  // This message, all in it, and their strings: names of blobs, types, files.
  void Collect(Message* message, std::vector<Message*>* messages) {
    messages->push_back(message);
    const Reflection& it = *message->GetReflection();
    for (const FieldDescriptor* field : Set(*message)) {
      const bool is_message = field->cpp_type() == field->CPPTYPE_MESSAGE;
      const bool is_string = field->cpp_type() == field->CPPTYPE_STRING;
      const int size = field->is_repeated() ? it.FieldSize(*message, field) : 1;
      for (int i = 0; i < size; ++i) {
        if (is_message) {
          Collect(field->is_repeated()
                      ? it.MutableRepeatedMessage(message, field, i)
                      : it.MutableMessage(message, field),
                  messages);
        } else if (is_string) {
          strings_.push_back(field->is_repeated()
                                 ? it.GetRepeatedString(*message, field, i)
                                 : it.GetString(*message, field));
        }
      }
    }
  }

  static std::vector<const FieldDescriptor*> Set(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    return fields;
  }

  // One that is set, that of a layer's own type, or any.
  const FieldDescriptor* AnyField(const Message& message) {
    const std::vector<const FieldDescriptor*> set = Set(message);
    if (!set.empty() && OneIn(2)) return Any(set);
    const google::protobuf::Descriptor& kind = *message.GetDescriptor();
    if (&kind == LayerParameter::descriptor() && OneIn(2)) {
      const string type = static_cast<const LayerParameter&>(message).type();
      for (int i = 0; i < kind.field_count(); ++i) {
        string words;  // "InnerProduct" has an inner_product_param
        for (char letter : kind.field(i)->name()) {
          if (letter != '_') words += letter;
        }
        string wanted = type + "param";
        for (char& letter : wanted) letter = tolower(letter);
        if (words == wanted) return kind.field(i);
      }
    }
    return kind.field(Below(kind.field_count()));
  }

  void ChangeField(Message* message) {
    const FieldDescriptor* field = AnyField(*message);
    const Reflection& it = *message->GetReflection();
    if (!field->is_repeated()) {
      if (it.HasField(*message, field) && OneIn(4)) {
        it.ClearField(message, field);
      } else {
        Put(message, field, -1);
      }
      return;
    }
    const int size = it.FieldSize(*message, field);
    switch (size == 0 ? 0 : Below(4)) {
      case 0:
        return Put(message, field, size);
      case 1:
        return Put(message, field, Below(size));
      case 2:
        return it.RemoveLast(message, field);
      default:
        return it.SwapElements(message, field, Below(size), Below(size));
    }
  }

  // Gives a field a value: the element `index` of a repeated one, added where
  // there is none yet; -1 for a field that is not repeated.
  void Put(Message* message, const FieldDescriptor* field, int index) {
    const Reflection& it = *message->GetReflection();
    const bool is_new =
        field->is_repeated() && index == it.FieldSize(*message, field);
    switch (field->cpp_type()) {
#define CASE(TYPE, NAME, VALUE)                           \
  case FieldDescriptor::CPPTYPE_##TYPE:                   \
    if (is_new) {                                         \
      it.Add##NAME(message, field, VALUE);                \
    } else if (index >= 0) {                              \
      it.SetRepeated##NAME(message, field, index, VALUE); \
    } else {                                              \
      it.Set##NAME(message, field, VALUE);                \
    }                                                     \
    return;
      CASE(INT32, Int32, Whole<int32_t>())
      CASE(INT64, Int64, Whole<int64_t>())
      CASE(UINT32, UInt32, Whole<uint32_t>())
      CASE(UINT64, UInt64, Whole<uint64_t>())
      CASE(FLOAT, Float, Real())
      CASE(DOUBLE, Double, Real())
      CASE(BOOL, Bool, OneIn(2))
      CASE(STRING, String, Text(*message, *field))
      CASE(ENUM, Enum,
           field->enum_type()->value(Below(field->enum_type()->value_count())))
#undef CASE
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (is_new) {
          Message* const added = it.AddMessage(message, field);
          if (index > 0 && OneIn(2)) {
            added->CopyFrom(
                it.GetRepeatedMessage(*message, field, Below(index)));
          }
        } else if (index >= 0) {
          ChangeField(it.MutableRepeatedMessage(message, field, index));
        } else {
          ChangeField(it.MutableMessage(message, field));
        }
    }
  }

  // Small, mostly: what is large meets the end of memory.
  template <typename T>
  T Whole() {
    switch (Below(16)) {
      case 0:
        return std::numeric_limits<T>::max();
      case 1:
        return std::numeric_limits<T>::min();
      case 2:
        return -1;
      case 3:
        return random_();
      default:
        return Below(8);
    }
  }

  float Real() {
    static const float kInfinity = std::numeric_limits<float>::infinity();
    static const std::vector<float> kReals = {
        0,
        1,
        -1,
        0.5,
        0.25,
        2,
        3,
        1e-8,
        1e-38,
        1e30,
        -1e30,
        kInfinity,
        std::numeric_limits<float>::quiet_NaN()};
    return Any(kReals);
  }

  string Bytes(string bytes) {
    const size_t size = bytes.size();
    bytes.resize(size + 16);
    bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(&bytes[0]), size,
                                  bytes.size()));
    return bytes;
  }

  string Text(const Message& message, const FieldDescriptor& field) {
    if (field.type() == field.TYPE_BYTES && !field.is_repeated()) {
      return Bytes(message.GetReflection()->GetString(message, &field));
    }
    static std::istringstream words(
        "lmdb list.txt labels.txt windows.txt h5.txt data.h5 mean.binaryproto "
        "a.jpg constant gaussian uniform xavier msra bilinear "
        "positive_unitball fixed step exp inv multistep poly sigmoid SGD Adam "
        "AdaDelta AdaGrad Nesterov RMSProp");
    static const std::vector<string> kOthers{
        std::istream_iterator<string>(words), std::istream_iterator<string>()};
    if (message.GetDescriptor() == LayerParameter::descriptor() &&
        field.name() == "type") {
      return Any(LayerRegistry<float>::LayerTypeList());
    }
    return strings_.empty() || OneIn(4) ? Any(kOthers) : Any(strings_);
  }

  std::vector<string> strings_;
};

class Silent : public google::protobuf::io::ErrorCollector {
  void AddError(int, int, const string&) override {}
};

// An input of FUZZ_TARGET's as a message, where it is one.
class Input {
 public:
  Input() {
    static const string target = getenv("FUZZ_TARGET");
    is_text_ = target == "net" || target == "solver";
    has_choice_ = target == "record" || target == "mean";
    Message* message = nullptr;
    if (target == "net" || target == "caffemodel") message = new NetParameter;
    if (target == "solver") message = new SolverParameter;
    if (target == "solverstate") message = new SolverState;
    if (target == "record") message = new Datum;
    if (target == "mean") message = new BlobProto;
    message_.reset(message);
  }

  bool Parse(const uint8_t* bytes, size_t size) {
    string text(reinterpret_cast<const char*>(bytes), size);
    if (!message_ || text.empty()) return false;
    if (has_choice_) {
      choice_ = text.substr(0, 1);
      text.erase(0, 1);
    }
    static Silent silent;
    TextFormat::Parser parser;
    parser.RecordErrorsTo(&silent);
    try {
      return is_text_ ? parser.ParseFromString(text, message_.get())
                      : message_->ParsePartialFromString(text);
    } catch (const std::bad_alloc&) {  // a string that claims to be long
      return false;
    }
  }

  // Returns the size of what was written, or 0 where it is too long.
  size_t Write(uint8_t* bytes, size_t most) const {
    string text;
    if (is_text_) {
      TextFormat::PrintToString(*message_, &text);
    } else {
      message_->SerializePartialToString(&text);
    }
    text = choice_ + text;
    if (text.size() > most) return 0;
    memcpy(bytes, text.data(), text.size());
    return text.size();
  }

  Message* message() { return message_.get(); }

  // Null where there is none.
  NetParameter* net() {
    SolverParameter* const solver =
        dynamic_cast<SolverParameter*>(message_.get());
    return solver ? solver->mutable_net_param()
                  : dynamic_cast<NetParameter*>(message_.get());
  }

 private:
  bool is_text_, has_choice_;
  string choice_;  // the byte before a message (fuzz_caffe.cpp)
  std::unique_ptr<Message> message_;
};

/// An HDF5 file of the current folder, one of whose objects is changed.
class HDF5Mutator : public Draws {
 public:
  explicit HDF5Mutator(unsigned int seed) : Draws(seed) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  }

  /// Returns whether it is an HDF5 file.
  bool Change(const string& name) {
    file_ = H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    if (file_ < 0) return false;
    H5Ovisit1(file_, H5_INDEX_NAME, H5_ITER_INC, AddPath, &paths_);
    if (paths_.empty()) paths_.push_back("data");
    do {
      ChangeObject(Any(paths_));
    } while (OneIn(3));
    H5Fclose(file_);
    return true;
  }

 private:
  static herr_t AddPath(hid_t, const char* path, const H5O_info_t*, void* to) {
    if (string(path) != ".") {
      static_cast<std::vector<string>*>(to)->push_back(path);
    }
    return 0;
  }

  void ChangeObject(const string& path) {
    const string other = OneIn(2) ? Any(paths_) : Sibling(path);
    switch (Below(8)) {
      case 0:
        H5Ldelete(file_, path.c_str(), H5P_DEFAULT);
        return;
      case 1:
        H5Lmove(file_, path.c_str(), file_, Sibling(path).c_str(), H5P_DEFAULT,
                H5P_DEFAULT);
        return;
      case 2:
        H5Ldelete(file_, path.c_str(), H5P_DEFAULT);
        H5Lcreate_soft(other.c_str(), file_, path.c_str(), H5P_DEFAULT,
                       H5P_DEFAULT);
        return;
      case 3:
        H5Ldelete(file_, path.c_str(), H5P_DEFAULT);
        H5Ocopy(file_, other.c_str(), file_, path.c_str(), H5P_DEFAULT,
                H5P_DEFAULT);
        return;
      case 4:
        H5Ldelete(file_, path.c_str(), H5P_DEFAULT);
        H5Gclose(H5Gcreate2(file_, path.c_str(), H5P_DEFAULT, H5P_DEFAULT,
                            H5P_DEFAULT));
        return;
      case 5:
        return MakeDataset(Sibling(path));
      default:
        return MakeDataset(path);
    }
  }

  // Beside a path, with a name that something may look for.
  string Sibling(const string& path) {
    static const std::vector<string> kNames = {
        "0",    "1",     "2",         "-1",           "data",   "label",
        "iter", "empty", "history/9", "current_step", "history"};
    const size_t slash = path.rfind('/');
    return (slash == string::npos ? "" : path.substr(0, slash + 1)) +
           Any(kNames);
  }

  // In the place of what is there; half of the time of the same shape.
  void MakeDataset(const string& path) {
    std::vector<hsize_t> dims(Below(7));
    for (hsize_t& dim : dims) dim = OneIn(20) ? 1 << Below(32) : Below(5);
    const hid_t old = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    if (old >= 0) {
      const hid_t space = H5Dget_space(old);
      if (OneIn(2)) {
        dims.resize(std::max(H5Sget_simple_extent_ndims(space), 0));
        H5Sget_simple_extent_dims(space, dims.data(), NULL);
        if (!dims.empty() && OneIn(3)) dims[Below(dims.size())] = Below(5);
      }
      H5Sclose(space);
      H5Dclose(old);
    }
    H5Ldelete(file_, path.c_str(), H5P_DEFAULT);
    const hid_t space = dims.empty()
                            ? H5Screate(OneIn(3) ? H5S_NULL : H5S_SCALAR)
                            : H5Screate_simple(dims.size(), dims.data(), NULL);
    const hid_t options = H5Pcreate(H5P_DATASET_CREATE);
    if (OneIn(3) && !dims.empty()) {
      std::vector<hsize_t> chunk = dims;
      for (hsize_t& size : chunk) {
        size = 1 + Below(std::min<hsize_t>(size + 1, 8));
      }
      H5Pset_chunk(options, chunk.size(), chunk.data());
      if (OneIn(2)) H5Pset_deflate(options, 1);
    }
    const hid_t made = H5Dcreate2(file_, path.c_str(), Type(), space,
                                  H5P_DEFAULT, options, H5P_DEFAULT);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (made >= 0 && 0 < count && count < 100000) {
      static const std::vector<float> kValues = {
          0, 1, -1, 0.5, 3, 1e9, -1e9, 1e38, std::nanf("")};
      std::vector<float> values(count);
      for (float& value : values) value = OneIn(2) ? 1 : Any(kValues);
      H5Dwrite(made, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
               values.data());
    }
    if (made >= 0) H5Dclose(made);
    H5Pclose(options);
    H5Sclose(space);
  }

  hid_t Type() {
    if (OneIn(2)) return H5T_IEEE_F32LE;
    return Any(std::vector<hid_t>{H5T_IEEE_F64BE, H5T_STD_I8LE, H5T_STD_I32LE,
                                  H5T_STD_U32BE, H5T_STD_I64LE, H5T_STD_U64LE,
                                  H5T_C_S1, H5T_STD_B8LE, H5T_STD_REF_OBJ});
  }

  hid_t file_;
  std::vector<string> paths_;
};

// Returns the size of the changed file, or 0 where it is none or too long.
static size_t ChangeHDF5(uint8_t* bytes, size_t size, size_t most,
                         unsigned int seed) {
  static const string target = getenv("FUZZ_TARGET");
  const size_t choice = target == "hdf5_data";  // the byte before the file
  if (size < choice) return 0;
  const string name = "changed.h5";
  std::ofstream(name, std::ios::binary)
      .write(reinterpret_cast<char*>(bytes) + choice, size - choice);
  if (!HDF5Mutator(seed).Change(name)) return 0;
  std::ostringstream content;
  content << std::ifstream(name, std::ios::binary).rdbuf();
  const string changed = content.str();
  if (choice + changed.size() > most) return 0;
  if (choice) bytes[0] = seed;
  memcpy(bytes + choice, changed.data(), changed.size());
  return choice + changed.size();
}

}  // namespace caffe

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size,
                                          size_t most, unsigned int seed) {
  static const bool is_hdf5 = !strncmp(getenv("FUZZ_TARGET"), "hdf5", 4);
  if (is_hdf5) {
    const size_t written = caffe::ChangeHDF5(bytes, size, most, seed);
    return written ? written : size;
  }
  caffe::Mutator mutator(seed);
  caffe::Input input;
  if (!mutator.OneIn(4) && input.Parse(bytes, size)) {
    mutator.Change(input.message());
    const size_t written = input.Write(bytes, most);
    if (written) return written;
  }
  return LLVMFuzzerMutate(bytes, size, most);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* bytes, size_t size,
                                            const uint8_t* others,
                                            size_t other_size, uint8_t* out,
                                            size_t most, unsigned int seed) {
  caffe::Input input, other;
  if (!input.Parse(bytes, size) || !other.Parse(others, other_size)) return 0;
  if (!input.net()) return 0;
  caffe::Mutator(seed).Graft(input.net(), *other.net());
  return input.Write(out, most);
}
