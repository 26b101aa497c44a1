#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace stfcube::gdal {

/// Keeps objects that are dear to make and may serve one thread at a time. A thread leases the object of a
/// key, alone, and gives it back at the end of the lease; the idle objects used longest ago are destroyed.
/// Thread-safe.
template <class Key, class T>
class LeasePool {
 public:
  explicit LeasePool(std::size_t idle_limit) : idle_limit_(idle_limit) {}

  /// An object in use; goes back to the pool, which must outlive it.
  class Lease {
   public:
    Lease(LeasePool& pool, Key key, std::unique_ptr<T> object)
        : pool_(pool), key_(std::move(key)), object_(std::move(object)) {}
    ~Lease() { pool_.put_back(std::move(key_), std::move(object_)); }
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;
    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

   private:
    LeasePool& pool_;
    Key key_;
    std::unique_ptr<T> object_;
  };

  /// An idle object of `key`, or the one that `make()` returns.
  template <class Make>
  Lease lease(Key const& key, Make const& make) {
    auto idle = take(key);
    return Lease(*this, key, idle ? std::move(idle) : make());
  }

 private:
  std::unique_ptr<T> take(Key const& key) {
    std::lock_guard const lock(mutex_);
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
      if (it->first != key) continue;
      auto object = std::move(it->second);
      idle_.erase(it);
      return object;
    }
    return nullptr;
  }

  void put_back(Key&& key, std::unique_ptr<T>&& object) {
    std::list<std::pair<Key, std::unique_ptr<T>>> surplus;  // destroyed after the lock is gone
    std::lock_guard const lock(mutex_);
    idle_.emplace_front(std::move(key), std::move(object));
    while (idle_.size() > idle_limit_) surplus.splice(surplus.begin(), idle_, std::prev(idle_.end()));
  }

  std::size_t idle_limit_;
  std::mutex mutex_;
  std::list<std::pair<Key, std::unique_ptr<T>>> idle_;
};

}  // namespace stfcube::gdal
