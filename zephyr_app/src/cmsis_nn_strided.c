/* Keeps strided one-dimensional convolutions off CMSIS-NN's kernel for them on cores with MVE
 * (arm_convolve_1_x_n_s8): it takes the end of the input to miss one element, however many it
 * misses, and refuses or pads inputs that no window needs whole. The general kernel is right.
 */
#include <stdbool.h>
#include <stdint.h>

#include <arm_nnfunctions.h>

arm_cmsis_nn_status __real_arm_convolve_wrapper_s8(
	const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
	const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
	const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
	const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
	int8_t *output_data);
int32_t __real_arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *conv_params,
						       const cmsis_nn_dims *input_dims,
						       const cmsis_nn_dims *filter_dims,
						       const cmsis_nn_dims *output_dims);

static bool strided(const cmsis_nn_conv_params *conv_params, const cmsis_nn_dims *input_dims,
		    const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims)
{
	const int32_t stride = conv_params->stride.w;
	const int32_t missing = (output_dims->w - 1) * stride + filter_dims->w - input_dims->w;

	return input_dims->h == 1 && filter_dims->h == 1 && filter_dims->w > 1 && stride > 1 &&
	       (missing != 0 || conv_params->padding.w != 0);
}

arm_cmsis_nn_status __wrap_arm_convolve_wrapper_s8(
	const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
	const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
	const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
	const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
	int8_t *output_data)
{
	if (strided(conv_params, input_dims, filter_dims, output_dims)) {
		return arm_convolve_s8(ctx, conv_params, quant_params, input_dims, input_data,
				       filter_dims, filter_data, bias_dims, bias_data, NULL,
				       output_dims, output_data);
	}
	return __real_arm_convolve_wrapper_s8(ctx, conv_params, quant_params, input_dims,
					      input_data, filter_dims, filter_data, bias_dims,
					      bias_data, output_dims, output_data);
}

int32_t __wrap_arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *conv_params,
						       const cmsis_nn_dims *input_dims,
						       const cmsis_nn_dims *filter_dims,
						       const cmsis_nn_dims *output_dims)
{
	if (strided(conv_params, input_dims, filter_dims, output_dims)) {
		return arm_convolve_s8_get_buffer_size(input_dims, filter_dims);
	}
	return __real_arm_convolve_wrapper_s8_get_buffer_size(conv_params, input_dims, filter_dims,
							      output_dims);
}
