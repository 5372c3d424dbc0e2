// How libFuzzer changes prototxts and protobuf's files (`make fuzz`): mostly
// field by field, so that they can still be parsed and reach what is behind the
// parser; every fourth time byte by byte, as it does by itself.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
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

class Mutator {
 public:
  explicit Mutator(unsigned int seed) : random_(seed) {}

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

  bool OneIn(int count) { return Below(count) == 0; }

 private:
  int Below(int end) { return random_() % end; }

  template <typename T>
  T Any(const std::vector<T>& values) {
    return values[Below(values.size())];
  }

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

  std::minstd_rand random_;
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
    if (!is_text_) return message_->ParsePartialFromString(text);
    static Silent silent;
    TextFormat::Parser parser;
    parser.RecordErrorsTo(&silent);
    return parser.ParseFromString(text, message_.get());
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

}  // namespace caffe

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size,
                                          size_t most, unsigned int seed) {
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
