// {fmt}'s compiled half, made here: Debian ships it as a shared library only, and a runner is static.
#include <fmt/format-inl.h>

#include <locale>

FMT_BEGIN_NAMESPACE
namespace detail {

template FMT_API auto dragonbox::to_decimal(float x) noexcept -> dragonbox::decimal_fp<float>;
template FMT_API auto dragonbox::to_decimal(double x) noexcept -> dragonbox::decimal_fp<double>;

// With a fixed separator {fmt} leaves this out, and yet its dates ask for it. Numbers no longer do, so that a runner,
// which prints no dates, is spared std::locale.
template <>
auto locale_ref::get<std::locale>() const -> std::locale {
  return std::locale::classic();
}

template FMT_API auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl(locale_ref) -> char;
template FMT_API void buffer<char>::append(const char*, const char*);
template FMT_API void vformat_to(buffer<char>&, string_view, basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);

}  // namespace detail
FMT_END_NAMESPACE
