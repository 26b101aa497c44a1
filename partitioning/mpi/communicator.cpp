#include "stfcube/partitioning/mpi/communicator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "stfcube/partitioning/mpi/native_mpi.hpp"

namespace stfcube {
namespace {

int int_size(std::size_t size) {
  ensure(size <= 0x7fffffff, "MPI message below 2 GiB");
  return static_cast<int>(size);
}

template <class T>
void sum_in_place(Communicator const& comm, std::span<T> values, MPI_Datatype type) {
  if (comm.size() == 1 || values.empty()) return;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), int_size(values.size()), type, MPI_SUM, mpi_comm(comm)),
            "MPI_Allreduce");
}

/// Messages to the root are told apart from those of others by this.
constexpr int to_root_tag = 17;

/// What one pass of an exchange moves between two ranks: bytes [begin, begin + share) of each text.
std::vector<int> counts_of_pass(std::vector<std::int64_t> const& sizes, std::int64_t begin, std::int64_t share) {
  std::vector<int> counts;
  for (std::int64_t const size : sizes) {
    counts.push_back(static_cast<int>(std::clamp<std::int64_t>(size - begin, 0, share)));
  }
  return counts;
}

std::vector<int> offsets_of(std::vector<int> const& counts) {
  std::vector<int> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), 0);
  return offsets;
}

/// An error as bytes: kind, then message; empty for "no error".
std::string encode(std::optional<Error> const& error) {
  if (!error) return {};
  return static_cast<char>('A' + static_cast<int>(error->kind())) + std::string(error->what());
}

}  // namespace

void check_mpi(int code, char const* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(ErrorKind::mpi, fmt::format("{} failed: {}", call, std::string_view(text, static_cast<std::size_t>(length))));
}

std::string receive_probed(MPI_Comm comm, MPI_Status const& probed) {
  int length = 0;
  check_mpi(MPI_Get_count(&probed, MPI_CHAR, &length), "MPI_Get_count");
  std::string bytes(static_cast<std::size_t>(length), '\0');
  check_mpi(MPI_Recv(bytes.data(), length, MPI_CHAR, probed.MPI_SOURCE, probed.MPI_TAG, comm, MPI_STATUS_IGNORE), "MPI_Recv");
  return bytes;
}

Communicator::Native::~Native() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized && comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
}

MPI_Comm mpi_comm(Communicator const& communicator) {
  return communicator.native() ? communicator.native()->comm : MPI_COMM_SELF;
}

Communicator::Communicator(std::shared_ptr<Native const> native) : native_(std::move(native)) {
  check_mpi(MPI_Comm_rank(native_->comm, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(native_->comm, &size_), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(native_->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  check_mpi(MPI_Comm_size(node, &node_size_), "MPI_Comm_size");
  check_mpi(MPI_Comm_free(&node), "MPI_Comm_free");
}

void Communicator::sum(std::span<double> values) const { sum_in_place(*this, values, MPI_DOUBLE); }
void Communicator::sum(std::span<float> values) const { sum_in_place(*this, values, MPI_FLOAT); }
void Communicator::sum(std::span<std::int64_t> values) const { sum_in_place(*this, values, MPI_INT64_T); }

std::int64_t Communicator::max(std::int64_t value) const {
  if (size_ > 1) {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, mpi_comm(*this)), "MPI_Allreduce");
  }
  return value;
}

std::vector<std::string> Communicator::all_gather(std::string const& bytes) const {
  if (size_ == 1) return {bytes};
  std::vector<int> sizes(static_cast<std::size_t>(size_));
  int const mine = int_size(bytes.size());
  check_mpi(MPI_Allgather(&mine, 1, MPI_INT, sizes.data(), 1, MPI_INT, mpi_comm(*this)), "MPI_Allgather");
  std::vector<int> offsets(sizes.size());
  std::exclusive_scan(sizes.begin(), sizes.end(), offsets.begin(), 0);
  std::string all(static_cast<std::size_t>(offsets.back()) + static_cast<std::size_t>(sizes.back()), '\0');
  check_mpi(MPI_Allgatherv(bytes.data(), mine, MPI_CHAR, all.data(), sizes.data(), offsets.data(), MPI_CHAR,
                           mpi_comm(*this)),
            "MPI_Allgatherv");
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    pieces.push_back(all.substr(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(sizes[i])));
  }
  return pieces;
}

std::string Communicator::broadcast(std::string const& bytes) const {
  if (size_ == 1) return bytes;
  int length = int_size(bytes.size());
  check_mpi(MPI_Bcast(&length, 1, MPI_INT, 0, mpi_comm(*this)), "MPI_Bcast");
  std::string copy = is_root() ? bytes : std::string(static_cast<std::size_t>(length), '\0');
  check_mpi(MPI_Bcast(copy.data(), length, MPI_CHAR, 0, mpi_comm(*this)), "MPI_Bcast");
  return copy;
}

std::vector<std::string> Communicator::exchange(std::vector<std::string> const& to_each, std::uint64_t most_bytes) const {
  ensure(to_each.size() == static_cast<std::size_t>(size_), "there is a text for each rank");
  if (size_ == 1) return to_each;
  std::vector<std::int64_t> sending, receiving(to_each.size());
  for (std::string const& text : to_each) sending.push_back(static_cast<std::int64_t>(text.size()));
  check_mpi(MPI_Alltoall(sending.data(), 1, MPI_INT64_T, receiving.data(), 1, MPI_INT64_T, mpi_comm(*this)),
            "MPI_Alltoall");
  auto const share = std::max<std::int64_t>(1, static_cast<std::int64_t>(most_bytes) / size_);
  std::int64_t const largest = max(*std::max_element(sending.begin(), sending.end()));
  std::vector<std::string> received(to_each.size());
  for (std::int64_t begin = 0; begin < largest; begin += share) {
    auto const out = counts_of_pass(sending, begin, share), in = counts_of_pass(receiving, begin, share);
    auto const out_offsets = offsets_of(out), in_offsets = offsets_of(in);
    std::string outgoing;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] > 0) outgoing.append(to_each[i], static_cast<std::size_t>(begin), static_cast<std::size_t>(out[i]));
    }
    std::string incoming(static_cast<std::size_t>(in_offsets.back()) + static_cast<std::size_t>(in.back()), '\0');
    check_mpi(MPI_Alltoallv(outgoing.data(), out.data(), out_offsets.data(), MPI_CHAR, incoming.data(), in.data(),
                            in_offsets.data(), MPI_CHAR, mpi_comm(*this)),
              "MPI_Alltoallv");
    for (std::size_t i = 0; i < in.size(); ++i) {
      received[i].append(incoming, static_cast<std::size_t>(in_offsets[i]), static_cast<std::size_t>(in[i]));
    }
  }
  return received;
}

void Communicator::send_to_root(std::string const& bytes) const {
  ensure(rank_ != 0, "the root sends nothing to itself");
  check_mpi(MPI_Send(bytes.data(), int_size(bytes.size()), MPI_CHAR, 0, to_root_tag, mpi_comm(*this)), "MPI_Send");
}

std::string Communicator::receive_from(int rank) const {
  ensure(rank_ == 0 && rank != 0, "the root receives from the others");
  MPI_Status status;
  check_mpi(MPI_Probe(rank, to_root_tag, mpi_comm(*this), &status), "MPI_Probe");
  return receive_probed(mpi_comm(*this), status);
}

void Communicator::barrier() const {
  if (size_ > 1) check_mpi(MPI_Barrier(mpi_comm(*this)), "MPI_Barrier");
}

void Communicator::agree(std::optional<Error> const& error) const {
  if (size_ == 1) {
    if (error) throw error->as_agreed();
    return;
  }
  if (max(error ? 1 : 0) == 0) return;
  std::vector<std::string> const all = all_gather(encode(error));
  for (std::string const& one : all) {
    if (!one.empty()) throw Error(static_cast<ErrorKind>(one.front() - 'A'), one.substr(1)).as_agreed();
  }
}

}  // namespace stfcube
